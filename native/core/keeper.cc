// The keeper: one process per host for the node service, and the smallest that can be. It is the parent of every
// init, so that how one ended is known whoever asks for it and whenever (only a parent learns it before Linux 6.15),
// and it holds the consoles, so that they outlive the service. It does no more than that, in order to never need an
// upgrade: what it runs is the launcher that its client hands over.
#include "state.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace vz {
namespace {

constexpr int kMaxInits = 8192, kMaxClients = 128, kMaxLaunchers = 128;
constexpr int kGraceMs = 1000;
// How often what guests write is thrown away while nobody attends.
constexpr int kDrainMs = 50;

struct Init {
  int pid;
  uint32_t token;  // tells it from a later one with the same pid
  int master, slave;
  bool ended, shown;
  int status;
};

struct Launcher {
  int pid, control;
};

// All of it in pages that are only there once they are written to.
struct Keeper {
  Init inits[kMaxInits];
  Launcher launchers[kMaxLaunchers];
  int clients[kMaxClients];
  pollfd polled[2 + kMaxClients + kMaxInits];
  char rubbish[4096];
  int initCount, launcherCount, clientCount;
  int attending;  // the client that gets the consoles, or -1
  int children;   // descriptor that tells of ended children
};
Keeper keeper;

void Forget(int& fd) {
  if (fd >= 0) Close(fd);
  fd = -1;
}

Init* Find(int pid, uint32_t token) {
  for (int i = 0; i < keeper.initCount; ++i) {
    Init& init = keeper.inits[i];
    if (init.pid == pid && init.token == token) return &init;
  }
  return nullptr;
}

void Drop(Init& init) {
  Forget(init.master);
  Forget(init.slave);
  init = keeper.inits[--keeper.initCount];
}

void DropClient(int index) {
  if (keeper.attending == keeper.clients[index]) keeper.attending = -1;
  Close(keeper.clients[index]);
  keeper.clients[index] = keeper.clients[--keeper.clientCount];
}

// The launcher's descriptors are where those of its other callers are.
[[noreturn]] void RunLauncher(const int* fds) {
  int aside[4];
  for (int i = 0; i < 4; ++i) aside[i] = static_cast<int>(Syscall(SYS_fcntl, fds[i], F_DUPFD_CLOEXEC, 64));
  Syscall(SYS_dup3, aside[0], kControlFd, 0);
  Syscall(SYS_dup3, aside[1], kPlanFd, 0);
  Close(kPidFd);
  if (aside[3] >= 0) Syscall(SYS_dup3, aside[3], kBareFd, 0);
  else Close(kBareFd);
  const uint64_t none = 0;
  Syscall(SYS_rt_sigprocmask, SIG_SETMASK, Ptr(&none), 0, sizeof none);
  char name[] = "cella-launcher";
  char* const arguments[] = {name, nullptr};
  char* const environment[] = {nullptr};
  Syscall(SYS_execveat, aside[2], Ptr(""), Ptr(arguments), Ptr(environment), AT_EMPTY_PATH);
  Exit(127);
}

long Fork() {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  return Syscall(SYS_clone3, Ptr(&arguments), sizeof arguments);
}

void Spawn(int* fds) {
  const long pid = keeper.launcherCount < kMaxLaunchers ? Fork() : -EAGAIN;
  if (pid == 0) RunLauncher(fds);
  if (pid < 0) {
    Send(fds[0], {Say::Failed, kNotLaunched, static_cast<int32_t>(-pid), 0});
    return;
  }
  // Kept until it has ended, as its last words may have to be said for it.
  keeper.launchers[keeper.launcherCount++] = {static_cast<int>(pid), fds[0]};
  fds[0] = -1;
}

// Fails for what is no child: it has ended by now, or was never ours.
Say Claim(const Record& record) {
  if (Find(record.value, record.reserved)) return Say::Ready;
  siginfo_t info;
  const long got = Syscall(SYS_waitid, P_PID, record.value, Ptr(&info), WEXITED | WNOHANG | WNOWAIT, 0);
  if (got < 0 || keeper.initCount == kMaxInits) return Say::Failed;
  keeper.inits[keeper.initCount++] = {record.value, record.reserved, -1, -1, false, false, 0};
  return Say::Ready;
}

// The slave stays open too: a terminal that nobody has open looks like one whose guest is gone.
Say KeepConsole(const Record& record, int& fd) {
  Init* init = Find(record.value, record.reserved);
  if (!init || init->ended || fd < 0) return Say::Failed;
  Forget(init->master);
  Forget(init->slave);
  init->master = fd;
  fd = -1;
  // One to be waited for would hold up everybody else.
  Syscall(SYS_fcntl, init->master, F_SETFL, O_RDWR | O_NONBLOCK);
  init->slave =
      static_cast<int>(Syscall(SYS_ioctl, init->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  init->shown = false;
  if (keeper.attending >= 0) Send(keeper.attending, {Say::Go, 0, 0, 0});
  return Say::Ready;
}

Record Collect(const Record& record) {
  const Init* init = Find(record.value, record.reserved);
  if (!init) return {Say::Failed, 0, 0, 0};
  return init->ended ? Record{Say::Ended, 0, init->status, 0} : Record{Say::Ready, 0, 0, 0};
}

void Drop(const Record& record) {
  if (Init* init = Find(record.value, record.reserved)) Drop(*init);
}

// One console at a time, as often as it is asked for: no more is on its way than a socket holds.
void Attend(int client) {
  if (keeper.attending != client) {
    for (int i = 0; i < keeper.initCount; ++i) keeper.inits[i].shown = false;
  }
  keeper.attending = client;
  for (int i = 0; i < keeper.initCount; ++i) {
    Init& init = keeper.inits[i];
    if (init.master < 0 || init.shown) continue;
    init.shown = Send(client, {Say::Terminal, 0, init.pid, init.token}, &init.master, 1) >= 0;
    return;
  }
  Send(client, {Say::Ready, 0, 0, 0});
}

// False when the client has gone.
bool Serve(int client) {
  Record record{};
  int fds[4] = {-1, -1, -1, -1};
  if (Receive(client, record, fds, 4) <= 0) return false;
  switch (record.say) {
    case Say::Spawn: Spawn(fds); break;
    case Say::Claim: Send(client, {Claim(record), 0, 0, 0}); break;
    case Say::Terminal: Send(client, {KeepConsole(record, fds[0]), 0, 0, 0}); break;
    case Say::Collect: Send(client, Collect(record)); break;
    case Say::Go: Drop(record); break;
    case Say::Attend: Attend(client); break;
    default: break;
  }
  for (int& fd : fds) Forget(fd);
  return true;
}

void Note(int pid, int status) {
  for (int i = 0; i < keeper.launcherCount; ++i) {
    Launcher& launcher = keeper.launchers[i];
    if (launcher.pid != pid) continue;
    if (status != 0) Send(launcher.control, {Say::Failed, kLauncherDied, ECHILD, 0});
    Close(launcher.control);
    launcher = keeper.launchers[--keeper.launcherCount];
    return;
  }
  for (int i = 0; i < keeper.initCount; ++i) {
    Init& init = keeper.inits[i];
    if (init.pid != pid || init.ended) continue;
    init.ended = true;
    init.status = status;
    Forget(init.master);
    Forget(init.slave);
  }
}

// True while there are children.
bool Reap() {
  for (;;) {
    int status = 0;
    const long pid = Syscall(SYS_wait4, -1, Ptr(&status), WNOHANG, 0);
    if (pid <= 0) return pid == 0;
    Note(static_cast<int>(pid), status);
  }
}

// What guests write while nobody attends is lost, but holds none of them up.
bool Drain(int first, int count) {
  bool any = false;
  for (int i = first; i < first + count; ++i) {
    if (!(keeper.polled[i].revents & POLLIN)) continue;
    any = true;
    for (int left = 16; left > 0; --left) {
      const long got = Syscall(SYS_read, keeper.polled[i].fd, Ptr(keeper.rubbish), sizeof keeper.rubbish);
      if (got <= 0) break;
    }
  }
  return any;
}

void Accept() {
  const long client = Syscall(SYS_accept4, kPidFd, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client < 0) return;
  if (keeper.clientCount < kMaxClients) keeper.clients[keeper.clientCount++] = static_cast<int>(client);
  else Close(static_cast<int>(client));
}

int Gather() {
  int count = 0;
  const auto add = [&](int fd) { keeper.polled[count++] = {fd, POLLIN, 0}; };
  add(kPidFd);
  add(keeper.children);
  for (int i = 0; i < keeper.clientCount; ++i) add(keeper.clients[i]);
  for (int i = 0; keeper.attending < 0 && i < keeper.initCount; ++i) add(keeper.inits[i].master);
  return count;
}

// One round: waits, and does what there is to do. False when there is nothing left to keep.
bool Round() {
  const bool busy = keeper.clientCount > 0 || keeper.initCount > 0 || keeper.launcherCount > 0;
  const int clients = keeper.clientCount, count = Gather();
  const timespec grace{kGraceMs / 1000, 0};
  const long ready = Syscall(SYS_ppoll, Ptr(keeper.polled), count, busy ? 0 : Ptr(&grace), 0, 0);
  if (ready < 0) return true;
  // Before those who have ended are asked for: somebody may want to know of them.
  for (int i = clients - 1; i >= 0; --i) {
    if (keeper.polled[2 + i].revents && !Serve(keeper.clients[i])) DropClient(i);
  }
  if (keeper.polled[1].revents) Syscall(SYS_read, keeper.children, Ptr(keeper.rubbish), sizeof keeper.rubbish);
  const bool children = Reap();
  const bool drained = Drain(2 + clients, count - 2 - clients);
  if (keeper.polled[0].revents) Accept();
  if (drained) Pause(kDrainMs);
  return busy || ready > 0 || children;
}

// A stopped host has no keeper, and no name of one.
void Unlink() {
  sockaddr_un address{};
  uint32_t size = sizeof address;
  if (Syscall(SYS_getsockname, kPidFd, Ptr(&address), Ptr(&size)) < 0) return;
  Syscall(SYS_unlinkat, AT_FDCWD, Ptr(address.sun_path), 0);
}

}  // namespace

void Keep(State& state) {
  const long pid = Fork();
  if (pid < 0) Send(state.control, {Say::Failed, kClone, static_cast<int32_t>(-pid), 0});
  if (pid > 0) {
    Send(state.control, {Say::Born, 0, static_cast<int32_t>(pid), 0});
    Send(state.control, {Say::Prepared, 0, 0, 0});
  }
  if (pid != 0) return;
  Close(state.control);
  Syscall(SYS_setsid);
  Syscall(SYS_chdir, Ptr("/"));
  Syscall(SYS_prctl, PR_SET_NAME, Ptr("cella-keeper"));
  const uint64_t child = 1ull << (SIGCHLD - 1);
  Syscall(SYS_rt_sigprocmask, SIG_BLOCK, Ptr(&child), 0, sizeof child);
  keeper.attending = -1;
  keeper.children = static_cast<int>(Syscall(SYS_signalfd4, -1, Ptr(&child), sizeof child, O_CLOEXEC | O_NONBLOCK));
  while (Round()) {
  }
  Unlink();
  Exit(0);
}

}  // namespace vz
