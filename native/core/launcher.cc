// The launcher: a program of a few pages, run once per start or exec from a sealed copy in memory.
//
// Why not in the runtime's own process: a namespace cannot be joined by a process with threads (setns(2)), a copy
// of a large process is slow to make, and nothing of the host may be what a guest finds at /proc/PID/exe.
// Being single-threaded it also may join cgroup v1 hierarchies without waiting for an RCU grace period.
#include "state.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

namespace vz {
namespace {

[[noreturn]] void Fail(const State& state, uint32_t step, long result) {
  Send(state.control, {Say::Failed, step, static_cast<int32_t>(-result), 0});
  Exit(1);
}

long Run(State& state, const Op& op) {
  switch (op.code) {
    case Code::MakeCgroup: return MakeCgroup(op);
    case Code::WriteFile: return WriteFile(op);
    case Code::Enable: return Enable(op);
    case Code::JoinTasks: return JoinTasks(op);
    case Code::IntoCgroup: return IntoCgroup(state, op);
    case Code::Own: return Own(op);
    case Code::Devices: return Devices(op);
    case Code::Clocks: return Clocks();
    case Code::Source: return Source(state, op);
    case Code::Overlay: return Overlay(state, op);
    case Code::Image: return Image(state, op);
    case Code::Tree: return Tree(state, op);
    case Code::Nodes: return Nodes(state, op);
    case Code::Bind: return Bind(state, op);
    case Code::Unshare: return Syscall(SYS_unshare, static_cast<long>(op.c));
    case Code::Root: return Root(state, op);
    case Code::Become: return Become();
    case Code::Mount: return Mount(state, op);
    case Code::Directory: return Directory(state, op);
    case Code::Attach: return Attach(state, op);
    case Code::Symlink: return Symlink(state, op);
    case Code::File: return File(state, op);
    case Code::Detach: return Detach(state, op);
    case Code::Done: return Done(state);
    case Code::Sysctl: return Sysctl(state, op);
    case Code::Mask: return Mask(state, op);
    case Code::ReadOnly: return ReadOnly(state, op);
    case Code::Pivot: return Pivot(state);
    case Code::Hostname: return Hostname(op);
    case Code::Loopback: return Loopback();
    case Code::Null: return Null();
    case Code::Terminal: return Terminal(state);
    case Code::Rlimit: return Rlimit(op);
    case Code::Keyring: return Keyring();
    case Code::Chdir: return Syscall(SYS_chdir, Ptr(Text(op, 0)));
    case Code::Identity: return Identity(op);
    case Code::Capabilities: return Capabilities(op);
    case Code::NoNewPrivileges: return NoNewPrivileges();
    case Code::Merge: return Merge();
    case Code::Seccomp: return Seccomp(op);
    case Code::Exec: return Exec(state, op);
    case Code::Console: return Console(state, op);
  }
  return -ENOSYS;
}

void RunSteps(State& state, uint32_t first, uint32_t count) {
  for (uint32_t i = first; i < first + count; ++i) {
    if (state.plan.header().crashAt == i) Exit(137);
    const long result = Run(state, state.plan.step(i));
    if (result < 0) Fail(state, i, result);
  }
}

// Writes "INSIDE OUTSIDE COUNT" to /proc/PID/NAME.
long WriteMap(int pid, const char* name, uint32_t base, uint32_t count) {
  char path[48], text[48];
  PutText(PutText(PutNumber(PutText(path, "/proc/"), static_cast<uint32_t>(pid)), "/"), name);
  PutNumber(PutText(PutNumber(PutText(text, "0 "), base), " "), count);
  const int fd = Open(AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fd;
  const long wrote = Syscall(SYS_write, fd, Ptr(text), static_cast<long>(Length(text)));
  Close(fd);
  return wrote < 0 ? wrote : 0;
}

long Clone(State& state, uint64_t flags, int& pidfd) {
  clone_args arguments{};
  // The runtime is the parent: it waits for the child, and this process can end at once.
  arguments.flags = flags | CLONE_PARENT | CLONE_PIDFD;
  arguments.pidfd = static_cast<uint64_t>(Ptr(&pidfd));
  if (state.into >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(state.into);
  }
  return Syscall(SYS_clone3, Ptr(&arguments), sizeof arguments);
}

// The container is made ready while the runtime writes its record; only the last step, which runs user code, waits.
[[noreturn]] void LaunchedChild(State& state) {
  const Header& header = state.plan.header();
  const uint32_t first = header.outside + header.after;
  Syscall(SYS_setsid);
  if (header.inside > 0) RunSteps(state, first, header.inside - 1);
  Send(state.control, {Say::Waiting, 0, 0, 0});
  Record go{};
  if (Receive(state.control, go) <= 0 || go.say != Say::Go) Exit(1);
  if (header.inside > 0) RunSteps(state, first + header.inside - 1, 1);
  Exit(1);
}

// By name, while we still may: the first process of a container that is held back shows itself to nobody in it, so its
// pidfd would not do later on. Its number is still its own if it is there afterwards.
int OpenCgroupNamespace(uint32_t pid) {
  char path[40];
  PutText(PutNumber(PutText(path, "/proc/"), pid), "/ns/cgroup");
  const int fd = Open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fd;
  const long there = Syscall(SYS_pidfd_send_signal, kPidFd, 0, 0, 0);
  return there < 0 ? static_cast<int>(there) : fd;
}

[[noreturn]] void EnteredChild(State& state, int cgroups) {
  const Header& header = state.plan.header();
  Syscall(SYS_setsid);
  if (const long joined = Syscall(SYS_setns, cgroups, CLONE_NEWCGROUP); joined < 0) Fail(state, kJoin, joined);
  Close(cgroups);
  RunSteps(state, header.outside + header.after, header.inside);
  Exit(1);
}

void Prepare(State& state, int relay) {
  const Header& header = state.plan.header();
  if (header.idCount > 0) {
    if (const long wrote = WriteMap(state.child, "uid_map", header.idBase, header.idCount); wrote < 0)
      Fail(state, kIdMaps, wrote);
    if (const long wrote = WriteMap(state.child, "gid_map", header.gidBase, header.idCount); wrote < 0)
      Fail(state, kIdMaps, wrote);
  }
  RunSteps(state, header.outside, header.after);
  if (header.mode == Mode::Mount) return void(Send(state.control, {Say::Prepared, 0, 0, 0}));
  // Slots keep their numbers: the list is sent as far as it is filled without gaps.
  int count = 0;
  while (count < kSlots && state.slots[count] >= 0) ++count;
  // Mostly before the child has come as far as Root, so that it need not sleep there.
  if (const long sent = Send(relay, {Say::Prepared, 0, count, 0}, state.slots, count); sent < 0)
    Fail(state, kHandOver, sent);
  Send(state.control, {Say::Prepared, 0, 0, 0});
}

void Launch(State& state) {
  const Header& header = state.plan.header();
  RunSteps(state, 0, header.outside);
  int relay[2];
  if (const long made = Syscall(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, Ptr(relay)); made < 0)
    Fail(state, kClone, made);
  const bool away = state.bare >= 0 && (header.namespaces & CLONE_NEWNS);
  const int host = away ? static_cast<int>(LeaveHost(state)) : -1;
  if (away && host < 0) Fail(state, kClone, host);
  int pidfd = -1;
  const long pid = Clone(state, header.namespaces, pidfd);
  if (pid < 0) Fail(state, kClone, pid);
  if (pid == 0) {
    if (away) Close(host);
    Close(relay[0]);
    state.relay = relay[1];
    LaunchedChild(state);
  }
  Close(relay[1]);
  state.child = static_cast<int>(pid);
  const long back = away ? ReturnToHost(host) : 0;
  Send(state.control, {Say::Born, 0, state.child, 0}, &pidfd, 1);
  if (back < 0) Fail(state, kClone, back);
  Prepare(state, relay[0]);
}

void Enter(State& state) {
  const Header& header = state.plan.header();
  // Not to be looked into by what it is about to join (ptrace(2), proc(5)); execve makes the command visible again.
  Syscall(SYS_prctl, PR_SET_DUMPABLE, 0);
  RunSteps(state, 0, header.outside + header.after);
  const int cgroups = OpenCgroupNamespace(header.target);
  if (cgroups < 0) Fail(state, kJoin, cgroups);
  // The cgroup namespace comes last, from inside: clone3 into a cgroup needs it in view.
  if (const long joined = Syscall(SYS_setns, kPidFd, static_cast<long>(header.namespaces)); joined < 0)
    Fail(state, kJoin, joined);
  int pidfd = -1;
  const long pid = Clone(state, 0, pidfd);
  if (pid < 0) Fail(state, kClone, pid);
  if (pid == 0) EnteredChild(state, cgroups);
  Send(state.control, {Say::Born, 0, static_cast<int32_t>(pid), 0}, &pidfd, 1);
}

// For a container that must not outlive the runtime, whose end of the socket goes with it however it ends. No
// PR_SET_PDEATHSIG: that is for the thread which made the child, and a guest's set-user-ID program takes it back.
void Guard(const State& state) {
  // Ctrl-C at a terminal is for the runtime.
  Syscall(SYS_setsid);
  if (Send(state.control, {Say::Prepared, 0, 0, 0}) < 0) Exit(1);
  pollfd watched[2] = {{kControlFd, 0, 0}, {kPidFd, POLLIN, 0}};
  while (Syscall(SYS_ppoll, Ptr(watched), 2, 0, 0) == -EINTR) {
  }
  if (!watched[0].revents) return;
  // A word, rather than its end: it may.
  if (Record word{}; Receive(kControlFd, word) > 0 && word.say == Say::Go) return;
  Syscall(SYS_pidfd_send_signal, kPidFd, SIGKILL, 0, 0);
}

// What it makes beside itself (CLONE_PARENT), as CRIU does what it restores, are children of whoever has started us.
void BecomeProgram(State& state) {
  const Header& header = state.plan.header();
  const int pid = static_cast<int>(Syscall(SYS_getpid));
  const int self = static_cast<int>(Syscall(SYS_pidfd_open, pid, 0));
  if (self < 0) Fail(state, kClone, self);
  Send(state.control, {Say::Born, 0, pid, 0}, &self, 1);
  Send(state.control, {Say::Prepared, 0, 0, 0});
  Syscall(SYS_fcntl, kControlFd, F_SETFD, 0);
  RunSteps(state, header.outside + header.after, header.inside);
}

[[noreturn]] void Main() {
  State state;
  // Whatever the embedding process forgot to mark close-on-exec ends here.
  Syscall(SYS_close_range, kBareFd + 1, ~0u, 0);
  Syscall(SYS_fcntl, kControlFd, F_SETFD, FD_CLOEXEC);
  Syscall(SYS_fcntl, kPlanFd, F_SETFD, FD_CLOEXEC);
  Syscall(SYS_fcntl, kPidFd, F_SETFD, FD_CLOEXEC);
  if (Syscall(SYS_fcntl, kBareFd, F_SETFD, FD_CLOEXEC) >= 0) state.bare = kBareFd;
  if (!state.plan.Load(kPlanFd)) Fail(state, kReadPlan, -EINVAL);
  Close(kPlanFd);
  Syscall(SYS_prctl, PR_SET_NAME, Ptr("cella-launch"));
  switch (state.plan.header().mode) {
    case Mode::Launch:
    case Mode::Mount: Launch(state); break;
    case Mode::Enter: Enter(state); break;
    case Mode::Guard: Guard(state); break;
    case Mode::Keep: Keep(state); break;
    case Mode::Bare: Bare(state); break;
    case Mode::Program: BecomeProgram(state); break;
  }
  Exit(0);
}

}  // namespace
}  // namespace vz

extern "C" [[noreturn]] __attribute__((used)) void CellaMain() { vz::Main(); }

#if defined(__x86_64__)
__asm__(".global _start\n_start:\n xor %ebp, %ebp\n and $-16, %rsp\n call CellaMain\n");
#elif defined(__aarch64__)
__asm__(".global _start\n_start:\n mov x29, #0\n bl CellaMain\n");
#endif
