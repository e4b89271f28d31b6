// The root file system: an overlay whose layers are idmapped, so that nothing on disk is ever chowned.
//
// The finished mount has two faces: one attached at VE_ROOT for the host (nosuid, nodev), and a detached copy in
// slot 0 that becomes the container's root.
#include "state.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/securebits.h>

namespace vz {
namespace {

// One-letter names of them fit the 256 bytes that fsconfig(2) takes.
constexpr uint32_t kMaxLayers = 62;
constexpr uint32_t kIdmapped = 1, kByPaths = 2, kPlain = 4, kReadOnly = 8, kVolatile = 16, kSetuid = 32;

struct Layer {
  int fd = -1;
  const char* inside = nullptr;  // its path in the area, where that holds it
};

struct Layers {
  Layer lower[kMaxLayers];
  uint32_t count = 0;
  int area = -1;
  const char* contents = nullptr;  // upper/, or the whole tree; a path in the area
  const char* work = nullptr;
  bool readOnly = false;
  bool isVolatile = false;
};

constexpr uint64_t kPrivate = 0x40000;  // MS_PRIVATE

long SetAttributes(int dir, const char* path, int flags, mount_attr attributes) {
  return Syscall(SYS_mount_setattr, dir, Ptr(path), flags, Ptr(&attributes), sizeof attributes);
}

// A detached copy. Where systemd has made the host's mounts shared the copy begins as their peer: what a guest mounts
// on top of it would appear on the host, and pivot_root(2) would refuse it as a root.
int CloneTree(const char* path) {
  const int fd = static_cast<int>(
      Syscall(SYS_open_tree, AT_FDCWD, Ptr(path), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW));
  if (fd < 0) return fd;
  const long set = SetAttributes(fd, "", AT_EMPTY_PATH, {0, 0, kPrivate, 0});
  return set < 0 ? static_cast<int>(set) : fd;
}

int Idmapped(int fd, int userns) {
  if (fd < 0 || userns < 0) return fd;
  const long set = SetAttributes(
      fd, "", AT_EMPTY_PATH, {MOUNT_ATTR_IDMAP, 0, 0, static_cast<uint64_t>(userns)});
  return set < 0 ? static_cast<int>(set) : fd;
}

int OpenUserNamespace(int pid) {
  char path[40];
  PutText(PutNumber(PutText(path, "/proc/"), static_cast<uint32_t>(pid)), "/ns/user");
  return Open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
}

long OpenLayers(const State& state, const Op& op, Layers& layers) {
  int userns = -1;
  if (op.b & kIdmapped) {
    userns = OpenUserNamespace(state.child);
    if (userns < 0) return userns;
  }
  layers.area = Idmapped(state.area >= 0 ? state.area : CloneTree(Text(op, 1)), userns);
  if (layers.area < 0) return layers.area;
  layers.contents = Text(op, 2);
  layers.work = Text(op, 3);
  layers.readOnly = (op.b & kReadOnly) != 0;
  for (uint32_t i = 4; i < op.strings; ++i) {
    if (layers.count == kMaxLayers) return -E2BIG;
    const char* path = Text(op, i);
    Layer& layer = layers.lower[layers.count++];
    if (*path != '/') {
      layer.inside = path;
      continue;
    }
    layer.fd = Idmapped(CloneTree(path), userns);
    if (layer.fd < 0) return layer.fd;
  }
  return 0;
}

long SetString(int fs, const char* key, const char* value) {
  return Syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, Ptr(key), Ptr(value), 0);
}

long SetFd(int fs, const char* key, int fd) {
  return Syscall(SYS_fsconfig, fs, FSCONFIG_SET_FD, Ptr(key), 0, fd);
}

long Create(int fs, const Layers& layers) {
  // index and nfs_export give files on the overlay handles, without which inotify cannot be checkpointed.
  if (!layers.readOnly) {
    if (const long set = SetString(fs, "index", "on"); set < 0) return set;
    if (const long set = SetString(fs, "nfs_export", "on"); set < 0) return set;
  }
  // Never syncs, and what it leaves is mounted by nobody again (Documentation/filesystems/overlayfs.rst).
  if (layers.isVolatile) {
    if (const long set = Syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, Ptr("volatile"), 0, 0); set < 0) return set;
  }
  if (const long made = Syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0); made < 0) return made;
  return Syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | (layers.readOnly ? MOUNT_ATTR_RDONLY : 0));
}

long SetPart(int fs, const char* key, int area, const char* path) {
  const int part = Open(area, path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (part < 0) return part;
  const long set = SetFd(fs, key, part);
  Close(part);
  return set;
}

// Linux >= 6.13 takes layers as descriptors of detached mounts.
long MountByDescriptors(const Layers& layers) {
  const int fs = static_cast<int>(Syscall(SYS_fsopen, Ptr("overlay"), FSOPEN_CLOEXEC));
  if (fs < 0) return fs;
  for (uint32_t i = 0; i < layers.count; ++i) {
    const Layer& layer = layers.lower[i];
    const long set =
        layer.inside ? SetPart(fs, "lowerdir+", layers.area, layer.inside) : SetFd(fs, "lowerdir+", layer.fd);
    if (set < 0) return set;
  }
  if (!layers.readOnly) {
    if (const long set = SetPart(fs, "upperdir", layers.area, layers.contents); set < 0) return set;
    if (const long set = SetPart(fs, "workdir", layers.area, layers.work); set < 0) return set;
  }
  const long mount = Create(fs, layers);
  Close(fs);
  return mount;
}

// An overlay of the container's that is just going still has its upper directory: whoever looked into the dead
// container's namespace may have been the last to let go of it.
long MountWhenFree(const Layers& layers) {
  long mount = MountByDescriptors(layers);
  for (int i = 0; i < 1500 && mount == -EBUSY; ++i) {
    Pause(2);
    mount = MountByDescriptors(layers);
  }
  return mount;
}

long AttachLayer(int fd, const char* name) {
  if (fd < 0) return fd;
  if (const long made = Syscall(SYS_mkdirat, AT_FDCWD, Ptr(name), 0700); made < 0) return made;
  return Syscall(SYS_move_mount, fd, Ptr(""), AT_FDCWD, Ptr(name), MOVE_MOUNT_F_EMPTY_PATH);
}

// Attaches all to names of one letter; `names` gets them as lowerdir= wants them.
long AttachLowers(const Layers& layers, char* names) {
  constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  char path[128];
  for (uint32_t i = 0; i < layers.count; ++i) {
    const Layer& layer = layers.lower[i];
    const char name[3] = {'_', kLetters[i], 0};
    if (layer.inside) PutText(PutText(path, "_area/"), layer.inside);
    const int fd = layer.inside ? CloneTree(path) : layer.fd;
    if (const long attached = AttachLayer(fd, name); attached < 0) return attached;
    if (i > 0) names = PutText(names, ":");
    names = PutText(names, name);
  }
  return 0;
}

// Older kernels take layers as paths, and only of mounts in the caller's namespace: so attach them to short names
// in a namespace of our own, whose one product is the detached overlay.
long MountByPaths(const Layers& layers, const char* target) {
  if (const long set = SetAttributes(AT_FDCWD, "/", AT_RECURSIVE, {0, 0, kPrivate, 0}); set < 0) return set;
  if (const long made = Syscall(SYS_mount, Ptr("layers"), Ptr(target), Ptr("tmpfs"), 0, 0); made < 0) return made;
  if (const long moved = Syscall(SYS_chdir, Ptr(target)); moved < 0) return moved;
  if (const long attached = AttachLayer(layers.area, "_area"); attached < 0) return attached;
  char names[kMaxLayers * 3 + 1] = {};
  if (const long attached = AttachLowers(layers, names); attached < 0) return attached;
  const int fs = static_cast<int>(Syscall(SYS_fsopen, Ptr("overlay"), FSOPEN_CLOEXEC));
  if (fs < 0) return fs;
  if (const long set = SetString(fs, "lowerdir", names); set < 0) return set;
  char path[128];
  if (!layers.readOnly) {
    PutText(PutText(path, "_area/"), layers.contents);
    if (const long set = SetString(fs, "upperdir", path); set < 0) return set;
    PutText(PutText(path, "_area/"), layers.work);
    if (const long set = SetString(fs, "workdir", path); set < 0) return set;
  }
  return Create(fs, layers);
}

// A directory of the area as it is. A detached mount has no parts that could be taken before Linux 6.15.
long MountPlain(const Layers& layers, const char* target) {
  if (const long set = SetAttributes(AT_FDCWD, "/", AT_RECURSIVE, {0, 0, kPrivate, 0}); set < 0) return set;
  const long moved = Syscall(SYS_move_mount, layers.area, Ptr(""), AT_FDCWD, Ptr(target), MOVE_MOUNT_F_EMPTY_PATH);
  if (moved < 0) return moved;
  if (const long there = Syscall(SYS_chdir, Ptr(target)); there < 0) return there;
  const int tree = CloneTree(layers.contents);
  if (tree < 0) return tree;
  const uint64_t readOnly = layers.readOnly ? MOUNT_ATTR_RDONLY : 0;
  const long set = SetAttributes(tree, "", AT_EMPTY_PATH, {MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | readOnly, 0, 0, 0});
  return set < 0 ? set : tree;
}

using Maker = long (*)(const Layers& layers, const char* target);

// Runs `make` in a mount namespace that ends with it, but for what it returns.
long MountInPrivate(const State& state, Maker make, const Layers& layers, const char* target) {
  const int host = static_cast<int>(LeaveHost(state));
  if (host < 0) return host;
  if (const long left = Syscall(SYS_unshare, CLONE_NEWNS); left < 0) return left;
  const long mount = make(layers, state.bare >= 0 ? kBareRoot : target);
  const long back = ReturnToHost(host);
  return back < 0 ? back : mount;
}

// overlayfs keeps the mounter's credentials for its own work in upper/ and work/: they must be inside the id map
// (EOVERFLOW otherwise), and keep the capabilities that changing fsuid would drop.
void ActAs(uint32_t uid, uint32_t gid) {
  Syscall(SYS_prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
  Syscall(SYS_setfsgid, gid);
  Syscall(SYS_setfsuid, uid);
}

}  // namespace

long Overlay(State& state, const Op& op) {
  const char* target = Text(op, 0);
  const Header& header = state.plan.header();
  Layers layers;
  layers.isVolatile = (op.b & kVolatile) != 0;
  if (const long opened = OpenLayers(state, op, layers); opened < 0) return opened;

  if (op.b & kIdmapped) ActAs(header.idBase, header.gidBase);
  long mount = op.b & (kByPaths | kPlain) ? -EINVAL : MountWhenFree(layers);
  if (op.b & kPlain) mount = MountInPrivate(state, MountPlain, layers, target);
  else if (mount == -EINVAL || mount == -EBADF) mount = MountInPrivate(state, MountByPaths, layers, target);
  if (op.b & kIdmapped) ActAs(0, 0);
  if (mount < 0) return mount;

  const long attached =
      Syscall(SYS_move_mount, mount, Ptr(""), AT_FDCWD, Ptr(target), MOVE_MOUNT_F_EMPTY_PATH);
  // Held any longer it would keep whoever unmounts the target at once from it: this process may end after that.
  Close(mount);
  if (attached < 0) return attached;
  state.slots[0] = CloneTree(target);
  if (state.slots[0] < 0) return state.slots[0];
  const uint64_t nosuid = op.b & kSetuid ? 0 : MOUNT_ATTR_NOSUID;
  return SetAttributes(AT_FDCWD, target, 0, {nosuid | MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID & ~nosuid, kPrivate, 0});
}

// The root as it is mounted at VE_ROOT, with what the operator's scripts have mounted below it.
long Tree(State& state, const Op& op) {
  const int fd = static_cast<int>(Syscall(SYS_open_tree, AT_FDCWD, Ptr(Text(op, 0)),
                                          OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW));
  if (fd < 0) return fd;
  if (const long set = SetAttributes(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, {0, 0, kPrivate, 0}); set < 0) return set;
  state.slots[0] = fd;
  // As it is for the host alone.
  return SetAttributes(fd, "", AT_EMPTY_PATH, {0, MOUNT_ATTR_NOSUID, 0, 0});
}

// A host path handed to the container as a detached mount: a device node, a cgroup, a bind.
long Source(State& state, const Op& op) {
  constexpr uint32_t kReadOnly = 1;
  if (op.a >= kSlots) return -EINVAL;
  const int fd = CloneTree(Text(op, 0));
  if (fd < 0) return fd;
  if (op.c != 0) {
    // A device is what its number says, not its name.
    struct statx info;
    const long got = Syscall(SYS_statx, fd, Ptr(""), AT_EMPTY_PATH, 0x7ff, Ptr(&info));
    if (got < 0) return got;
    if ((info.stx_mode & 0170000) != 0020000 || info.stx_rdev_major != op.c || info.stx_rdev_minor != op.d)
      return -ENODEV;
  }
  state.slots[op.a] = fd;
  if (op.b & kReadOnly) return SetAttributes(fd, "", AT_EMPTY_PATH, {MOUNT_ATTR_RDONLY, 0, 0, 0});
  return 0;
}

}  // namespace vz
