// Two layers of an overlay become one: what only the bottom one has moves into the top one.
//
// What an overlay of the two shows is the same after every step, so that a merge may end anywhere. Directories of the
// top layer, and files of either, stay the inodes that they are: overlayfs remembers directories by their handles
// ("origin"), and would no longer look below one that has another (fs/overlayfs/namei.c, ovl_lookup).
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "addon.h"
#include "promise.h"

namespace vz {
namespace {

constexpr char kOpaque[] = "trusted.overlay.opaque";
constexpr char kOrigin[] = "trusted.overlay.origin";
constexpr int kDeepest = 200;  // two descriptors each; a guest may make directories as deep as it likes

int OpenDirectory(int parent, const std::string& name, Fd& fd) {
  fd = Fd{::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  return fd ? 0 : errno;
}

int ListNames(int directory, std::vector<std::string>& names) {
  DIR* const stream = ::fdopendir(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (stream == nullptr) return errno;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  const int error = errno;
  ::closedir(stream);
  return error;
}

bool IsOpaque(int directory) {
  char value = 0;
  return ::fgetxattr(directory, kOpaque, &value, 1) == 1 && value == 'y';
}

// What refers to other layers in ways that a merge does not keep: only where the kernel's defaults were changed.
bool Refers(int parent, const std::string& name) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d/", parent);
  const std::string at = path + name;
  return ::lgetxattr(at.c_str(), "trusted.overlay.redirect", nullptr, 0) >= 0 ||
         ::lgetxattr(at.c_str(), "trusted.overlay.metacopy", nullptr, 0) >= 0;
}

struct Pair {
  int top, bottom;
};
using Visit = std::function<int(Pair)>;

// Calls `visit` for directories that are in both layers and show both, innermost first.
int Walk(Pair pair, int depth, const Visit& enter, const Visit& visit) {
  if (depth > kDeepest) return ELOOP;
  if (const int error = enter(pair); error != 0) return error;
  std::vector<std::string> names;
  if (const int error = ListNames(pair.bottom, names); error != 0) return error;
  for (const std::string& name : names) {
    Fd top, bottom;
    if (OpenDirectory(pair.bottom, name, bottom) != 0 || OpenDirectory(pair.top, name, top) != 0) continue;
    if (IsOpaque(top.get())) continue;
    if (const int error = Walk({top.get(), bottom.get()}, depth + 1, enter, visit); error != 0) return error;
  }
  return visit(pair);
}

int MoveEntries(Pair pair) {
  struct stat before;
  if (::fstat(pair.top, &before) < 0) return errno;
  std::vector<std::string> names;
  if (const int error = ListNames(pair.bottom, names); error != 0) return error;
  for (const std::string& name : names) {
    struct stat info;
    if (::fstatat(pair.top, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
      if (Refers(pair.top, name)) return EOPNOTSUPP;
      continue;
    }
    if (errno != ENOENT) return errno;
    if (::renameat2(pair.bottom, name.c_str(), pair.top, name.c_str(), RENAME_NOREPLACE) < 0) return errno;
  }
  const timespec times[2] = {before.st_atim, before.st_mtim};
  return ::futimens(pair.top, times) < 0 ? errno : 0;
}

// Once nothing of the bottom directory shows any more, it no longer hides what is below it.
int Hide(Pair pair) {
  if (!IsOpaque(pair.bottom)) return 0;
  return ::fsetxattr(pair.top, kOpaque, "y", 1, 0) < 0 ? errno : 0;
}

// The top layer's directories come from where the bottom one's came from. It matters in the layer that is written to,
// which a lower one is again once what lies above it is merged into it.
int Adopt(Pair pair) {
  char value[256];
  const ssize_t size = ::fgetxattr(pair.bottom, kOrigin, value, sizeof value);
  if (size >= 0) return ::fsetxattr(pair.top, kOrigin, value, static_cast<size_t>(size), 0) < 0 ? errno : 0;
  if (errno != ENODATA) return errno;
  return ::fremovexattr(pair.top, kOrigin) < 0 && errno != ENODATA ? errno : 0;
}

int Nothing(Pair) { return 0; }

}  // namespace

// mergeLayers(top, bottom)
Napi::Value MergeLayers(const Napi::CallbackInfo& info) {
  const std::string top = info[0].As<Napi::String>(), bottom = info[1].As<Napi::String>();
  return InThread(info.Env(), "cella.merge", [top, bottom]() -> Outcome {
    Fd over, under;
    int error = OpenDirectory(AT_FDCWD, top, over);
    if (error == 0) error = OpenDirectory(AT_FDCWD, bottom, under);
    const Pair pair{over.get(), under.get()};
    if (error == 0) error = Walk(pair, 0, MoveEntries, Hide);
    if (error != 0) return {{error, "merge", top, -1}};
    return {{Walk(pair, 0, Nothing, Adopt), "adopt", top, -1}};
  });
}

}  // namespace vz
