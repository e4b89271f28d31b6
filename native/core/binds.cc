// Directories and files of the host in a container.
#include "beneath.h"
#include "state.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>

namespace vz {
namespace {

// Where no component may be a symbolic link: another container may be what fills a directory on the way.
int OpenPlain(const char* path) {
  open_how how{O_PATH | O_CLOEXEC, 0, RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS};
  return static_cast<int>(Syscall(SYS_openat2, AT_FDCWD, Ptr(path), Ptr(&how), sizeof how));
}

// A directory below `base`, which is the host's own; both are made where they are missing.
int OpenOrMake(const char* base, const char* path) {
  const long made = Syscall(SYS_mkdirat, AT_FDCWD, Ptr(base), 0755);
  if (made < 0 && made != -EEXIST) return static_cast<int>(made);
  const int root = Open(AT_FDCWD, base, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (root < 0) return root;
  const int fd = DirectoriesBeneath(root, path);
  Close(root);
  return fd;
}

int UserNamespaceOf(int pid, bool entering) {
  char path[40];
  PutText(PutNumber(PutText(path, "/proc/"), static_cast<uint32_t>(pid)), "/ns/user");
  const int fd = Open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  // The number was that of the container's init if the pidfd's process still is.
  if (fd >= 0 && entering && Syscall(SYS_pidfd_send_signal, kPidFd, 0, 0, 0) < 0) return -ESRCH;
  return fd;
}

}  // namespace

// a: slot; b: MOUNT_ATTR_*; c: whose user namespace's ids the files get, 0 for nobody's and 1 for the child's; strings:
// a base that the path is made beneath, or "", the path, and where the host has it as well, or "".
long Bind(State& state, const Op& op) {
  if (op.a >= kSlots) return -EINVAL;
  const char* base = Text(op, 0);
  const int at = *base ? OpenOrMake(base, Text(op, 1)) : OpenPlain(Text(op, 1));
  if (at < 0) return at;
  const int mount = static_cast<int>(
      Syscall(SYS_open_tree, at, Ptr(""), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
  Close(at);
  if (mount < 0) return mount;
  mount_attr attributes{op.b, 0, 0x40000 /* MS_PRIVATE */, 0};
  if (op.c != 0) {
    const int userns = op.c == 1 ? UserNamespaceOf(state.child, false) : UserNamespaceOf(static_cast<int>(op.c), true);
    if (userns < 0) return userns;
    attributes.attr_set |= MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<uint64_t>(userns);
  }
  state.slots[op.a] = mount;
  const long set = Syscall(SYS_mount_setattr, mount, Ptr(""), AT_EMPTY_PATH, Ptr(&attributes), sizeof attributes);
  const char* target = Text(op, 2);
  if (set < 0 || !*target) return set;
  return Syscall(SYS_move_mount, mount, Ptr(""), AT_FDCWD, Ptr(target), MOVE_MOUNT_F_EMPTY_PATH);
}

}  // namespace vz
