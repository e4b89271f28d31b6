// A mount namespace with next to nothing in it, for those of containers to be made from. Each begins as a copy of the
// one that its maker is in (mount_namespaces(7)), and the host's has a mount for every container that runs.
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>

namespace vz {
namespace {

constexpr int kDetach = 2;             // MNT_DETACH of umount2(2)
constexpr uint64_t kPrivate = 0x40000;  // MS_PRIVATE

long Put(const char* type, int root, const char* name) {
  if (const long made = Syscall(SYS_mkdirat, root, Ptr(name), 0700); made < 0) return made;
  const int mount = NewMount(type, nullptr, 0, 0);
  if (mount < 0) return mount;
  const long moved = Syscall(SYS_move_mount, mount, Ptr(""), root, Ptr(name), MOVE_MOUNT_F_EMPTY_PATH);
  Close(mount);
  return moved;
}

// A user namespace may mount proc and sysfs where both can be seen already (mount_too_revealing in fs/namespace.c).
long Fill(int root) {
  if (const long made = Syscall(SYS_mkdirat, root, Ptr(&kBareRoot[1]), 0700); made < 0) return made;
  if (const long put = Put("proc", root, "proc"); put < 0) return put;
  return Put("sysfs", root, "sys");
}

long MakeBare() {
  mount_attr isolated{0, 0, kPrivate, 0};
  if (const long left = Syscall(SYS_unshare, CLONE_NEWNS); left < 0) return left;
  const int made = Open(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (made < 0) return made;
  long done = Syscall(SYS_mount_setattr, AT_FDCWD, Ptr("/"), AT_RECURSIVE, Ptr(&isolated), sizeof isolated);
  const int root = done < 0 ? static_cast<int>(done) : NewMount("tmpfs", nullptr, 0, 0);
  done = root < 0 ? root : Fill(root);
  if (done >= 0) done = Syscall(SYS_move_mount, root, Ptr(""), AT_FDCWD, Ptr("/"), MOVE_MOUNT_F_EMPTY_PATH);
  if (done >= 0) done = Syscall(SYS_fchdir, root);
  if (done >= 0) done = Syscall(SYS_pivot_root, Ptr("."), Ptr("."));
  if (done >= 0) done = Syscall(SYS_umount2, Ptr("."), kDetach);
  return done < 0 ? done : made;
}

}  // namespace

void Bare(const State& state) {
  const int made = static_cast<int>(MakeBare());
  if (made < 0) Send(state.control, {Say::Failed, kClone, -made, 0});
  else Send(state.control, {Say::Prepared, 0, 0, 0}, &made, 1);
}

long LeaveHost(const State& state) {
  const int host = Open(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (host < 0 || state.bare < 0) return host;
  const long joined = Syscall(SYS_setns, state.bare, CLONE_NEWNS);
  return joined < 0 ? joined : host;
}

long ReturnToHost(int host) {
  const long back = Syscall(SYS_setns, host, CLONE_NEWNS);
  Close(host);
  return back;
}

}  // namespace vz
