// Running the launcher: once per start, exec or mount, from its sealed copy, and the runtime's half of the handshake.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include "../core/protocol.h"
#include "addon.h"
#include "promise.h"

namespace vz {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

bool WriteAll(int fd, const uint8_t* data, size_t size) {
  while (size > 0) {
    const ssize_t wrote = ::write(fd, data, size);
    if (wrote < 0) return false;
    data += wrote;
    size -= static_cast<size_t>(wrote);
  }
  return true;
}

Fd SealedMemory(const char* name, const uint8_t* data, size_t size, unsigned flags) {
  Fd fd{::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | flags)};
  // Kernels before 6.3 do not know MFD_EXEC and make every memfd executable.
  if (!fd && errno == EINVAL && flags != 0) fd = Fd{::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!fd || !WriteAll(fd.get(), data, size) || ::fcntl(fd.get(), F_ADD_SEALS, kSeals) < 0) return Fd{};
  return fd;
}

struct Request {
  std::vector<uint8_t> plan;
  int stdio[3] = {-1, -1, -1};
  int pidfd = -1;
  int launcher = -1;
};

Request ReadRequest(const Napi::CallbackInfo& info) {
  Request request;
  const auto plan = info[0].As<Napi::Uint8Array>();
  request.plan.assign(plan.Data(), plan.Data() + plan.ByteLength());
  const auto stdio = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < 3; ++i) request.stdio[i] = stdio.Get(i).As<Napi::Number>().Int32Value();
  if (info.Length() > 2 && info[2].IsNumber()) request.pidfd = info[2].As<Napi::Number>().Int32Value();
  request.launcher = info.Env().GetInstanceData<Addon>()->launcher.get();
  return request;
}

struct Started {
  Fd control;
  pid_t launcher = -1;
};

// Every descriptor is first moved out of the way of the numbers that the launcher expects.
Fd Aside(int fd) { return Fd{::fcntl(fd, F_DUPFD_CLOEXEC, 20)}; }

Failure StartLauncher(const Request& request, Started& started) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return {errno, "socketpair", "", -1};
  started.control = Fd{pair[0]};
  const Fd theirs{pair[1]};
  const Fd plan = SealedMemory("plan", request.plan.data(), request.plan.size(), 0);
  if (!plan) return {errno, "memfd_create", "", -1};
  const Fd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  const Fd program = Aside(request.launcher);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  std::vector<Fd> aside;
  auto give = [&](int fd, int as) {
    aside.push_back(Aside(fd));
    ::posix_spawn_file_actions_adddup2(&actions, aside.back().get(), as);
  };
  for (int i = 0; i < 3; ++i) give(request.stdio[i] >= 0 ? request.stdio[i] : null.get(), i);
  give(theirs.get(), kControlFd);
  give(plan.get(), kPlanFd);
  if (request.pidfd >= 0) give(request.pidfd, kPidFd);

  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t all, none;
  ::sigfillset(&all);
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);

  // glibc clones sharing memory, with this thread suspended until execve: its cost does not grow with the process.
  const std::string path = "/proc/self/fd/" + std::to_string(program.get());
  char name[] = "cella-launcher";
  char* const arguments[] = {name, nullptr};
  char* const environment[] = {nullptr};
  const int error =
      ::posix_spawn(&started.launcher, path.c_str(), &actions, &attributes, arguments, environment);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  return error == 0 ? Failure{} : Failure{error, "posix_spawn", "", -1};
}

// Receives one record with at most one descriptor. 0 at end of file, -1 with errno on error.
ssize_t Receive(int socket, Record& record, Fd& carried) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  iovec part{&record, sizeof record};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got;
  do got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (got > 0 && header && header->cmsg_type == SCM_RIGHTS) {
    int fd;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    carried = Fd{fd};
  }
  return got;
}

struct Born {
  pid_t pid = -1;
  Fd pidfd, terminal;
  bool prepared = false;
};

void KillAndReap(const Born& born) {
  if (!born.pidfd) return;
  ::syscall(SYS_pidfd_send_signal, born.pidfd.get(), SIGKILL, nullptr, 0);
  siginfo_t info;
  ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(born.pidfd.get()), &info, WEXITED);
}

// Reads records until `done` says so or the socket ends.
template <typename Done>
Failure Listen(int socket, Born& born, Done done) {
  while (!done()) {
    Record record{};
    Fd carried;
    const ssize_t got = Receive(socket, record, carried);
    if (got < 0) return {errno, "recvmsg", "", -1};
    if (got == 0) return {EPIPE, "launch", "", -1};
    if (record.say == Say::Failed) return {record.value, "launch", "", static_cast<int64_t>(record.step)};
    if (record.say == Say::Born) {
      born.pid = record.value;
      born.pidfd = std::move(carried);
    }
    if (record.say == Say::Prepared) born.prepared = true;
    if (record.say == Say::Terminal) born.terminal = std::move(carried);
  }
  return {};
}

// Until the socket ends, which execve makes it do: READY came before, FAILED instead.
Failure ListenToEnd(int socket, Born& born) {
  bool ready = false;
  for (;;) {
    Record record{};
    Fd carried;
    const ssize_t got = Receive(socket, record, carried);
    if (got < 0) return {errno, "recvmsg", "", -1};
    if (got == 0) return ready ? Failure{} : Failure{EPIPE, "launch", "", -1};
    if (record.say == Say::Failed) return {record.value, "launch", "", static_cast<int64_t>(record.step)};
    if (record.say == Say::Ready) ready = true;
    if (record.say == Say::Born) {
      born.pid = record.value;
      born.pidfd = std::move(carried);
    }
    if (record.say == Say::Terminal) born.terminal = std::move(carried);
  }
}

void Reap(pid_t launcher) {
  while (::waitpid(launcher, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Napi::Object Describe(Napi::Env env, Born& born) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("pid", born.pid);
  result.Set("pidfd", born.pidfd.release());
  result.Set("terminal", born.terminal.release());
  return result;
}

Outcome Failed(Failure failure) { return {std::move(failure)}; }

// Waits for records, or for the launcher's death: the child holds the socket open too, so its end may never come.
Failure ListenWhileAlive(const Started& started, Born& born) {
  const Fd launcher{static_cast<int>(::syscall(SYS_pidfd_open, started.launcher, 0))};
  while (!born.prepared) {
    pollfd watched[2] = {{started.control.get(), POLLIN, 0}, {launcher.get(), POLLIN, 0}};
    if (::poll(watched, 2, -1) < 0 && errno != EINTR) return {errno, "poll", "", -1};
    if (watched[0].revents == 0 && watched[1].revents != 0) return {ECHILD, "launch", "", -1};
    if (watched[0].revents == 0) continue;
    bool one = false;
    const Failure failure = Listen(started.control.get(), born, [&one] { return std::exchange(one, true); });
    if (failure.error != 0) return failure;
  }
  return {};
}

}  // namespace

Napi::Value SetLauncher(const Napi::CallbackInfo& info) {
  const auto program = info[0].As<Napi::Uint8Array>();
  constexpr unsigned kMfdExec = 0x10;  // MFD_EXEC, Linux 6.3
  Fd fd = SealedMemory("cella-launcher", program.Data(), program.ByteLength(), kMfdExec);
  if (!fd) throw SystemError(info.Env(), {errno, "memfd_create", "", -1});
  info.Env().GetInstanceData<Addon>()->launcher = std::move(fd);
  return info.Env().Undefined();
}

// spawn(plan, stdio) → { control, pid, pidfd }: a child that makes itself ready, then waits for release().
Napi::Value Spawn(const Napi::CallbackInfo& info) {
  return InThread(info.Env(), "cella.spawn", [request = ReadRequest(info)]() -> Outcome {
    Started started;
    if (Failure failure = StartLauncher(request, started); failure.error != 0) return Failed(failure);
    auto born = std::make_shared<Born>();
    if (const Failure failure = ListenWhileAlive(started, *born); failure.error != 0) {
      Reap(started.launcher);
      KillAndReap(*born);
      return Failed(failure);
    }
    auto control = std::make_shared<Fd>(std::move(started.control));
    const auto value = [born, control](Napi::Env env) -> Napi::Value {
      Napi::Object result = Describe(env, *born);
      result.Set("control", control->release());
      return result;
    };
    return {{}, value, [launcher = started.launcher] { Reap(launcher); }};
  });
}

// release(control) → { terminal }: lets the child go, and settles when user code runs or a step has failed.
Napi::Value Release(const Napi::CallbackInfo& info) {
  const int control = info[0].As<Napi::Number>().Int32Value();
  return InThread(info.Env(), "cella.release", [control]() -> Outcome {
    const Fd socket{control};
    const Record go{Say::Go, 0, 0, 0};
    // EPIPE: it has ended already, and may have said why.
    if (::send(control, &go, sizeof go, MSG_NOSIGNAL) < 0 && errno != EPIPE) return Failed({errno, "send", "", -1});
    auto born = std::make_shared<Born>();
    if (Failure failure = ListenToEnd(control, *born); failure.error != 0) return Failed(failure);
    return {{}, [born](Napi::Env env) -> Napi::Value { return Describe(env, *born); }};
  });
}

// enter(plan, stdio, pidfd) → { pid, pidfd, terminal }: a command runs in the container of `pidfd`.
Napi::Value Enter(const Napi::CallbackInfo& info) {
  return InThread(info.Env(), "cella.enter", [request = ReadRequest(info)]() -> Outcome {
    Started started;
    if (Failure failure = StartLauncher(request, started); failure.error != 0) return Failed(failure);
    auto born = std::make_shared<Born>();
    if (const Failure failure = ListenToEnd(started.control.get(), *born); failure.error != 0) {
      Reap(started.launcher);
      KillAndReap(*born);
      return Failed(failure);
    }
    const auto value = [born](Napi::Env env) -> Napi::Value { return Describe(env, *born); };
    return {{}, value, [launcher = started.launcher] { Reap(launcher); }};
  });
}

}  // namespace vz
