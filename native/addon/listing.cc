// Lists a tree: what one look at each file tells, parents first, by name. Much sooner than Node, and beside it.
#include "listing.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <memory>

#include "addon.h"
#include "promise.h"
#include "tree-path.h"

namespace vz {
namespace {

constexpr size_t kBatch = 1 << 18;

template <typename Value>
void Append(std::string& out, Value value, char end, int base = 10) {
  char digits[24];
  const auto [last, error] = std::to_chars(digits, digits + sizeof digits, value, base);
  out.append(digits, last).push_back(end);
}

// Nanoseconds, of which 64 bits hold less than some file systems' seconds.
void AppendTime(std::string& out, const timespec& time, char end) {
  constexpr long kSecond = 1'000'000'000;
  auto seconds = static_cast<uint64_t>(time.tv_sec);
  long rest = time.tv_nsec;
  if (time.tv_sec < 0) {
    out += '-';
    seconds = 0 - seconds - (rest > 0 ? 1 : 0);
    rest = rest > 0 ? kSecond - rest : 0;
  }
  if (seconds == 0) return Append(out, rest, end);
  Append(out, seconds, '.');
  out.pop_back();
  // A one before it, for its zeros.
  const size_t at = out.size();
  Append(out, kSecond + rest, end);
  out.erase(at, 1);
}

// 0: not for a list. Sockets are made by who listens; overlayfs's marks would hide what is below them.
char KindOf(const struct stat& info) {
  switch (info.st_mode & S_IFMT) {
    case S_IFREG: return 'f';
    case S_IFDIR: return 'd';
    case S_IFLNK: return 'l';
    case S_IFIFO: return 'p';
    case S_IFBLK: return 'b';
    case S_IFCHR: return info.st_rdev != 0 ? 'c' : 0;
    default: return 0;
  }
}

void AppendStatus(std::string& out, const struct stat& info, char kind) {
  AppendTime(out, info.st_ctim, ' ');
  if (info.st_nlink > 1 && kind != 'd') {
    Append(out, info.st_dev, ':');
    Append(out, info.st_ino, ' ');
  } else {
    out += "- ";
  }
  if (kind == 'c' || kind == 'b') {
    Append(out, major(info.st_rdev), ':');
    Append(out, minor(info.st_rdev), ' ');
  } else {
    out += "- ";
  }
  out += kind;
  out += ' ';
  Append(out, info.st_mode & 07777, ' ', 8);
  Append(out, info.st_uid, ' ');
  Append(out, info.st_gid, ' ');
  Append(out, kind == 'f' ? info.st_size : 0, ' ');
  AppendTime(out, info.st_mtim, '\0');
}

}  // namespace

bool Listing::IsPassing(int error) const {
  return live_ && (error == ENOENT || error == ENOTDIR || error == ELOOP || error == ESTALE || error == EINVAL);
}

Failure Listing::Next(std::string& out) {
  const Fd root{::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!root) return {errno, "open", root_, -1};
  if (!std::exchange(begun_, true)) {
    struct stat info;
    if (::fstat(root.get(), &info) < 0) return {errno, "fstat", root_, -1};
    if (const Failure failure = Add(root.get(), {"", info}, "", out); failure.error != 0) return failure;
  }
  while (!frames_.empty() && out.size() < kBatch) {
    Frame& frame = frames_.back();
    if (frame.next == frame.found.size()) {
      frames_.pop_back();
      continue;
    }
    const Found found = std::move(frame.found[frame.next++]);
    const std::string path = frame.prefix + found.name;
    if (const Failure failure = Add(root.get(), found, path, out); failure.error != 0) return failure;
  }
  return {};
}

Failure Listing::Add(int root, const Found& found, const std::string& path, std::string& out) {
  if (path.size() > limits_.pathLength || frames_.size() > limits_.depth) {
    out.append("-").push_back('\0');
    out.append(path).push_back('\0');
    return {};
  }
  const char kind = KindOf(found.info);
  if (kind == 0) return {};
  AppendStatus(out, found.info, kind);
  out.append(path).push_back('\0');
  return kind == 'd' ? Enter(root, path) : Failure{};
}

Failure Listing::Enter(int root, const std::string& path) {
  Fd self = OpenBeneath(root, path, O_RDONLY | O_DIRECTORY);
  const Directory directory{self ? ::fdopendir(self.get()) : nullptr};
  if (!directory) return IsPassing(errno) ? Failure{} : Failure{errno, "opendir", root_ + "/" + path, -1};
  self.release();
  Frame frame{path.empty() ? "" : path + "/", {}, 0};
  errno = 0;
  while (const dirent* const entry = ::readdir(directory.get())) {
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    Found found{entry->d_name, {}};
    if (::fstatat(::dirfd(directory.get()), entry->d_name, &found.info, AT_SYMLINK_NOFOLLOW) == 0)
      frame.found.push_back(std::move(found));
    else if (!IsPassing(errno))
      return {errno, "lstat", root_ + "/" + frame.prefix + entry->d_name, -1};
    errno = 0;
  }
  if (errno != 0 && !IsPassing(errno)) return {errno, "readdir", root_ + "/" + path, -1};
  std::sort(frame.found.begin(), frame.found.end(), [](const Found& a, const Found& b) { return a.name < b.name; });
  frames_.push_back(std::move(frame));
  return {};
}

namespace {
using Handle = Napi::External<std::shared_ptr<Listing>>;
}

// openListing(directory, live, longest path, depth) → what nextEntries takes
Napi::Value OpenListing(const Napi::CallbackInfo& info) {
  const ListingLimits limits{static_cast<size_t>(Number(info, 2)), static_cast<size_t>(Number(info, 3))};
  auto* const listing = new std::shared_ptr<Listing>(
      std::make_shared<Listing>(info[0].As<Napi::String>(), info[1].As<Napi::Boolean>().Value(), limits));
  return Handle::New(info.Env(), listing, [](Napi::Env, std::shared_ptr<Listing>* old) { delete old; });
}

// nextEntries(listing) → bytes, none at the end; one call at a time
Napi::Value NextEntries(const Napi::CallbackInfo& info) {
  return InThread(info.Env(), "cella.listing", [listing = *info[0].As<Handle>().Data()]() -> Outcome {
    const auto out = std::make_shared<std::string>();
    Failure failure = listing->Next(*out);
    return {std::move(failure), [out](Napi::Env env) { return Napi::Buffer<char>::Copy(env, out->data(), out->size()); }};
  });
}

}  // namespace vz
