// A copied layer forgets where its files came from: overlayfs knows that by handles ("origin"), which copies of the
// layers below do not share, and would refuse the mount or not look below a directory (fs/overlayfs/namei.c).
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "addon.h"
#include "promise.h"

namespace vz {
namespace {

constexpr char kOrigin[] = "trusted.overlay.origin";
using Names = std::vector<std::string>;

int Open(int parent, const char* name, Fd& fd) {
  fd = Fd{::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  return fd ? 0 : errno;
}

bool Gone(int result) { return result == 0 || errno == ENODATA; }

// Of all that is in a directory, links and devices too; says which are directories themselves.
int ClearEntries(int directory, Names& directories) {
  DIR* const stream = ::fdopendir(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (stream == nullptr) return errno;
  char place[32];
  std::snprintf(place, sizeof place, "/proc/self/fd/%d/", directory);
  int error = 0;
  while (error == 0) {
    errno = 0;
    const dirent* const entry = ::readdir(stream);
    if (entry == nullptr) {
      error = errno;
      break;
    }
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat info;
    if (!Gone(::lremovexattr((place + name).c_str(), kOrigin))) error = errno;
    else if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) error = errno;
    else if (S_ISDIR(info.st_mode)) directories.push_back(name);
  }
  ::closedir(stream);
  return error;
}

// One descriptor at a time: a guest may make directories as deep as it likes.
int Clear(Fd at) {
  if (!Gone(::fremovexattr(at.get(), kOrigin))) return errno;
  std::vector<Names> waiting(1);
  int error = ClearEntries(at.get(), waiting.back());
  while (error == 0) {
    Fd next;
    if (waiting.back().empty()) {
      waiting.pop_back();
      if (waiting.empty()) return 0;
      error = Open(at.get(), "..", next);
      at = std::move(next);
      continue;
    }
    const std::string name = std::move(waiting.back().back());
    waiting.back().pop_back();
    error = Open(at.get(), name.c_str(), next);
    if (error != 0) break;
    at = std::move(next);
    error = ClearEntries(at.get(), waiting.emplace_back());
  }
  return error;
}

}  // namespace

// clearOrigins(layer): nobody may be changing it
Napi::Value ClearOrigins(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  return InThread(info.Env(), "cella.origins", [path]() -> Outcome {
    Fd top;
    int error = Open(AT_FDCWD, path.c_str(), top);
    if (error == 0) error = Clear(std::move(top));
    return {{error, "clear origins", path, -1}};
  });
}

}  // namespace vz
