// Devices of the host in a container: nodes made for it, a policy that says what may be done with any, and the clocks.
#include "state.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/stat.h>

namespace vz {
namespace {

struct Node {
  uint32_t slot, type, major, minor, uid, gid, mode;  // type: S_IFCHR or S_IFBLK
};

long Bpf(int command, bpf_attr& attributes) { return Syscall(SYS_bpf, command, Ptr(&attributes), sizeof attributes); }

long Load(const Op& op) {
  bpf_attr program;
  memset(&program, 0, sizeof program);
  program.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  program.insn_cnt = op.bytes / sizeof(bpf_insn);
  program.insns = static_cast<uint64_t>(Ptr(Bytes(op)));
  program.license = static_cast<uint64_t>(Ptr(""));
  long loaded = -EAGAIN;
  // The verifier gives up where a signal is pending (bpf(2)).
  for (int i = 0; i < 5 && loaded == -EAGAIN; ++i) loaded = Bpf(BPF_PROG_LOAD, program);
  return loaded;
}

// A file system of the host's, so that nodes on it open; nobody but this process ever sees it whole.
long MountNodes(const char* target) {
  mount_attr isolated{0, 0, 0x40000 /* MS_PRIVATE */, 0};
  if (const long set = Syscall(SYS_mount_setattr, AT_FDCWD, Ptr("/"), AT_RECURSIVE, Ptr(&isolated), sizeof isolated);
      set < 0)
    return set;
  if (const long made = Syscall(SYS_mount, Ptr("devices"), Ptr(target), Ptr("tmpfs"), MS_NOSUID | MS_NOEXEC, Ptr("mode=700"));
      made < 0)
    return made;
  return Syscall(SYS_chdir, Ptr(target));
}

int MakeNode(const Node& node) {
  char name[12];
  PutNumber(name, node.slot);
  const uint32_t device = (node.minor & 0xff) | node.major << 8 | (node.minor & ~0xffu) << 12;
  if (const long made = Syscall(SYS_mknodat, AT_FDCWD, Ptr(name), node.type | 0600, device); made < 0)
    return static_cast<int>(made);
  if (const long set = Syscall(SYS_fchownat, AT_FDCWD, Ptr(name), node.uid, node.gid, AT_SYMLINK_NOFOLLOW); set < 0)
    return static_cast<int>(set);
  if (const long set = Syscall(SYS_fchmodat, AT_FDCWD, Ptr(name), node.mode); set < 0) return static_cast<int>(set);
  return static_cast<int>(Syscall(SYS_open_tree, AT_FDCWD, Ptr(name), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

long MakeNodes(State& state, const Op& op) {
  if (const long mounted = MountNodes(state.bare >= 0 ? kBareRoot : Text(op, 0)); mounted < 0) return mounted;
  for (uint32_t i = 0; i < op.bytes / sizeof(Node); ++i) {
    Node node;
    memcpy(&node, Bytes(op) + i * sizeof node, sizeof node);
    if (node.slot >= kSlots) return -EINVAL;
    state.slots[node.slot] = MakeNode(node);
    if (state.slots[node.slot] < 0) return state.slots[node.slot];
  }
  return 0;
}

// "CLOCK -SECONDS NANOSECONDS", so that the clock reads zero now; returns the end.
char* PutOffset(char* to, const char* name, long clock) {
  timespec now{};
  Syscall(SYS_clock_gettime, clock, Ptr(&now));
  const bool part = now.tv_nsec > 0;
  to = PutText(PutText(to, name), " -");
  to = PutNumber(to, static_cast<uint32_t>(now.tv_sec + (part ? 1 : 0)));
  to = PutNumber(PutText(to, " "), static_cast<uint32_t>(part ? 1'000'000'000 - now.tv_nsec : 0));
  return PutText(to, "\n");
}

}  // namespace

// Says what may be done with devices by all that is in a group; takes the place of what was said before, at once. No
// flags: nothing further down may say more (BPF_PROG_ATTACH in linux/bpf.h).
long Devices(const Op& op) {
  const int program = static_cast<int>(Load(op));
  if (program < 0) return program;
  const int group = Open(AT_FDCWD, Text(op, 0), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (group < 0) return group;
  bpf_attr attach;
  memset(&attach, 0, sizeof attach);
  attach.target_fd = static_cast<uint32_t>(group);
  attach.attach_bpf_fd = static_cast<uint32_t>(program);
  attach.attach_type = BPF_CGROUP_DEVICE;
  const long attached = Bpf(BPF_PROG_ATTACH, attach);
  Close(group);
  Close(program);
  return attached;
}

// A time namespace for the child, whose uptime begins now (time_namespaces(7)).
long Clocks() {
  if (const long made = Syscall(SYS_unshare, CLONE_NEWTIME); made < 0) return made;
  char text[128];
  PutOffset(PutOffset(text, "monotonic", CLOCK_MONOTONIC), "boottime", CLOCK_BOOTTIME);
  const int fd = Open(AT_FDCWD, "/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fd;
  const long wrote = Syscall(SYS_write, fd, Ptr(text), static_cast<long>(Length(text)));
  Close(fd);
  return wrote < 0 ? wrote : 0;
}

// Nodes of devices that belong to the container's root, each as a mount: mknod(2) is refused in a user namespace, and
// the host's own node would belong to nobody there.
long Nodes(State& state, const Op& op) {
  const int host = static_cast<int>(LeaveHost(state));
  if (host < 0) return host;
  if (const long left = Syscall(SYS_unshare, CLONE_NEWNS); left < 0) return left;
  const long made = MakeNodes(state, op);
  const long back = ReturnToHost(host);
  return back < 0 ? back : made;
}

}  // namespace vz
