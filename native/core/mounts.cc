// What the container mounts for itself. Every target is looked up beneath the container's root, with no symbolic
// link followed: a guest cannot lead these steps anywhere else.
#include "beneath.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>
#include <sys/stat.h>

namespace vz {
namespace {

constexpr uint32_t kMaxOptions = 32;
constexpr int kDetach = 2, kNoFollow = 8;  // umount2(2)

int LookupOrMake(const State& state, const char* path, bool directory) {
  const uint64_t flags = O_PATH | O_NOFOLLOW | (directory ? O_DIRECTORY : 0);
  int fd = Beneath(state.root, path, flags);
  if (fd != -ENOENT) return fd;
  const char* name;
  const int parent = ParentBeneath(state.root, path, name);
  if (parent < 0) return parent;
  const long made = directory ? Syscall(SYS_mkdirat, parent, Ptr(name), 0755)
                              : Syscall(SYS_mknodat, parent, Ptr(name), S_IFREG | 0644, 0);
  Close(parent);
  if (made < 0) return static_cast<int>(made);
  return Beneath(state.root, path, flags);
}

long MoveTo(int mount, int target) {
  const long moved = Syscall(SYS_move_mount, mount, Ptr(""), target, Ptr(""),
                             MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  Close(target);
  Close(mount);
  return moved;
}

int CopyOf(int fd) {
  return static_cast<int>(
      Syscall(SYS_open_tree, fd, Ptr(""), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
}

long SetAttributes(int fd, uint64_t set, uint64_t propagation = 0) {
  mount_attr attributes{set, 0, propagation, 0};
  return Syscall(SYS_mount_setattr, fd, Ptr(""), AT_EMPTY_PATH, Ptr(&attributes), sizeof attributes);
}

}  // namespace

int NewMount(const char* type, const Op* op, uint32_t first, uint64_t attributes) {
  const int fs = static_cast<int>(Syscall(SYS_fsopen, Ptr(type), FSOPEN_CLOEXEC));
  if (fs < 0) return fs;
  const long set = op ? SetOptions(fs, *op, first) : 0;
  const long made = set < 0 ? set : Syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0);
  const int mount = made < 0 ? static_cast<int>(made)
                             : static_cast<int>(Syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
                                                        static_cast<long>(attributes)));
  Close(fs);
  return mount;
}

long SetOptions(int fs, const Op& op, uint32_t first) {
  if (op.strings > first + kMaxOptions) return -E2BIG;
  long set = 0;
  for (uint32_t i = first; set >= 0 && i + 1 < op.strings; i += 2) {
    const char* value = Text(op, i + 1);
    set = *value ? Syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, Ptr(Text(op, i)), Ptr(value), 0)
                 : Syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, Ptr(Text(op, i)), 0, 0);
  }
  return set;
}

// Takes what the launcher hands over, then attaches the root where VE_ROOT is, in this namespace only; must run before
// Become, while the path is reachable.
long Root(State& state, const Op& op) {
  mount_attr isolated{0, 0, 0x40000 /* MS_PRIVATE */, 0};
  if (const long set = Syscall(SYS_mount_setattr, AT_FDCWD, Ptr("/"), AT_RECURSIVE, Ptr(&isolated), sizeof isolated);
      set < 0)
    return set;
  Record handed{};
  if (Receive(state.relay, handed, state.slots, kSlots) <= 0) Exit(1);
  Close(state.relay);
  state.root = state.slots[0];
  const char* target = state.bare >= 0 ? kBareRoot : Text(op, 0);
  return Syscall(SYS_move_mount, state.root, Ptr(""), AT_FDCWD, Ptr(target), MOVE_MOUNT_F_EMPTY_PATH);
}

long Mount(State& state, const Op& op) {
  const int target = LookupOrMake(state, Text(op, 0), true);
  if (target < 0) return target;
  const int mount = NewMount(Text(op, 1), &op, 2, op.c);
  if (mount < 0) return mount;
  return MoveTo(mount, target);
}

long Directory(State& state, const Op& op) {
  const int fd = LookupOrMake(state, Text(op, 0), true);
  if (fd < 0) return fd;
  Close(fd);
  return 0;
}

// The container's root as an entered process sees it, whose launch is long over.
int RootOf(State& state) {
  if (state.root < 0) state.root = Open(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return state.root;
}

long AttachAt(State& state, int mount, const char* path, bool directory) {
  const int target = LookupOrMake(state, path, directory);
  return target < 0 ? target : MoveTo(mount, target);
}

long IsDirectory(int fd) {
  struct statx info;
  const long got = Syscall(SYS_statx, fd, Ptr(""), AT_EMPTY_PATH, STATX_TYPE, Ptr(&info));
  return got < 0 ? got : (info.stx_mode & S_IFMT) == S_IFDIR;
}

bool IsType(int directory, const char* name, uint32_t type) {
  const int fd = Beneath(directory, name, O_PATH | O_NOFOLLOW);
  if (fd < 0) return false;
  struct statx info;
  const long got = Syscall(SYS_statx, fd, Ptr(""), AT_EMPTY_PATH, STATX_TYPE, Ptr(&info));
  Close(fd);
  return got == 0 && (info.stx_mode & S_IFMT) == type;
}

// b: 0 on a file, 1 on a directory, 2 on what the mount is, with the directories above it made where they are missing.
long Attach(State& state, const Op& op) {
  if (op.a >= kSlots || state.slots[op.a] < 0) return -EBADF;
  const int mount = state.slots[op.a];
  state.slots[op.a] = -1;
  if (op.b != 2) return AttachAt(state, mount, Text(op, 0), op.b != 0);
  if (const int root = RootOf(state); root < 0) return root;
  if (const long made = ParentsBeneath(state.root, Text(op, 0)); made < 0) return made;
  // A link would do as a place to mount on, and lead nowhere; but who made it wanted it followed.
  if (IsType(state.root, Text(op, 0), S_IFLNK)) return -ELOOP;
  const long directory = IsDirectory(mount);
  return directory < 0 ? directory : AttachAt(state, mount, Text(op, 0), directory != 0);
}

// Takes away what was attached, and the file that it was attached to; nothing mounted there is fine. By name in the
// parent: a descriptor cannot be unmounted.
long Detach(State& state, const Op& op) {
  if (const int root = RootOf(state); root < 0) return root;
  const char* name;
  const int parent = ParentBeneath(state.root, Text(op, 0), name);
  if (parent == -ENOENT || parent == -ENOTDIR) return 0;
  if (parent < 0) return parent;
  long gone = Syscall(SYS_fchdir, parent);
  if (gone >= 0) gone = Syscall(SYS_umount2, Ptr(name), kDetach | kNoFollow);
  if (gone == 0 && IsType(parent, name, S_IFREG)) Syscall(SYS_unlinkat, parent, Ptr(name), 0);
  Close(parent);
  Syscall(SYS_chdir, Ptr("/"));
  return gone == -EINVAL || gone == -ENOENT ? 0 : gone;
}

long Symlink(State& state, const Op& op) {
  const char* name;
  const int parent = ParentBeneath(state.root, Text(op, 1), name);
  if (parent < 0) return parent;
  const long made = Syscall(SYS_symlinkat, Ptr(Text(op, 0)), parent, Ptr(name));
  Close(parent);
  return made == -EEXIST ? 0 : made;
}

// A new file with the step's text; nothing is there yet, since it lies in a mount that was made just before.
long File(State& state, const Op& op) {
  const char* name;
  const int parent = ParentBeneath(state.root, Text(op, 0), name);
  if (parent < 0) return parent;
  const int fd = Open(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  Close(parent);
  if (fd < 0) return fd;
  const char* text = Text(op, 1);
  const long wrote = Syscall(SYS_write, fd, Ptr(text), static_cast<long>(Length(text)));
  Close(fd);
  return wrote < 0 ? wrote : 0;
}

// A value of the container's own namespaces, in its own /proc.
long Sysctl(State& state, const Op& op) {
  const char* name;
  const int parent = ParentBeneath(state.root, Text(op, 0), name);
  if (parent < 0) return parent;
  const int fd = Open(parent, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  Close(parent);
  if (fd < 0) return fd;
  const char* value = Text(op, 1);
  const long wrote = Syscall(SYS_write, fd, Ptr(value), static_cast<long>(Length(value)));
  Close(fd);
  return wrote < 0 ? wrote : 0;
}

// Hides a path of a kernel file system: a file behind the container's null device, a directory behind nothing.
long Mask(State& state, const Op& op) {
  const int target = Beneath(state.root, Text(op, 0), O_PATH | O_NOFOLLOW);
  if (target == -ENOENT) return 0;  // this kernel does not have it
  if (target < 0) return target;
  const long directory = IsDirectory(target);
  if (directory < 0) return directory;
  if (directory) {
    // One for all of them: CRIU runs tar for each tmpfs that there is.
    if (state.empty >= 0) {
      const int copy = CopyOf(state.empty);
      return copy < 0 ? copy : MoveTo(copy, target);
    }
    state.empty = NewMount("tmpfs", nullptr, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    if (state.empty < 0) return state.empty;
    const long moved = Syscall(SYS_move_mount, state.empty, Ptr(""), target, Ptr(""),
                               MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    Close(target);
    return moved;
  }
  const int null = Beneath(state.root, "/dev/null", O_PATH | O_NOFOLLOW);
  if (null < 0) return null;
  const int mount = CopyOf(null);
  Close(null);
  return mount < 0 ? mount : MoveTo(mount, target);
}

// b != 0: writable again, for a path beneath one that was made read-only before.
long ReadOnly(State& state, const Op& op) {
  const int target = Beneath(state.root, Text(op, 0), O_PATH | O_NOFOLLOW);
  if (target == -ENOENT) return 0;
  if (target < 0) return target;
  const int mount = CopyOf(target);
  if (mount < 0) return mount;
  if (op.b == 0) {
    if (const long set = SetAttributes(mount, MOUNT_ATTR_RDONLY); set < 0) return set;
  }
  return MoveTo(mount, target);
}

long Pivot(State& state) {
  if (const long moved = Syscall(SYS_fchdir, state.root); moved < 0) return moved;
  // Old and new root on one directory: the old one ends on top and is let go (pivot_root(2), NOTES).
  if (const long turned = Syscall(SYS_pivot_root, Ptr("."), Ptr(".")); turned < 0) return turned;
  if (const long gone = Syscall(SYS_umount2, Ptr("."), kDetach); gone < 0) return gone;
  return Syscall(SYS_chdir, Ptr("/"));
}

}  // namespace vz
