#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>

namespace vz {
namespace {

constexpr size_t kMaxPath = 4096;

}  // namespace

int Beneath(int root, const char* path, uint64_t flags) {
  open_how how{flags | O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS};
  return static_cast<int>(Syscall(SYS_openat2, root, Ptr(path), Ptr(&how), sizeof how));
}

int ParentBeneath(int root, const char* path, const char*& name) {
  char parent[kMaxPath];
  size_t slash = 0;
  for (size_t i = 0; path[i]; ++i) {
    if (i + 1 >= sizeof parent) return -ENAMETOOLONG;
    parent[i] = path[i];
    if (path[i] == '/') slash = i;
  }
  parent[slash] = 0;
  name = path + slash + 1;
  return Beneath(root, slash == 0 ? "/" : parent, O_PATH | O_DIRECTORY);
}

int DirectoriesBeneath(int root, const char* path) {
  int at = Beneath(root, "/", O_PATH | O_DIRECTORY);
  while (at >= 0) {
    while (*path == '/') ++path;
    if (!*path) return at;
    char name[256];
    size_t length = 0;
    for (; *path && *path != '/'; ++path) {
      if (length + 1 >= sizeof name) return -ENAMETOOLONG;
      name[length++] = *path;
    }
    name[length] = 0;
    const long made = Syscall(SYS_mkdirat, at, Ptr(name), 0755);
    const int next = made < 0 && made != -EEXIST ? static_cast<int>(made) : Beneath(at, name, O_PATH | O_DIRECTORY);
    Close(at);
    at = next;
  }
  return at;
}

long ParentsBeneath(int root, const char* path) {
  char parent[kMaxPath];
  const size_t length = Length(path);
  if (length >= sizeof parent) return -ENAMETOOLONG;
  memcpy(parent, path, length + 1);
  size_t end = length;
  while (end > 0 && parent[end] != '/') --end;
  parent[end] = 0;
  const int fd = DirectoriesBeneath(root, parent);
  if (fd < 0) return fd;
  Close(fd);
  return 0;
}

}  // namespace vz
