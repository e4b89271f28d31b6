// Running the launcher: once per start, exec or mount, from its sealed copy.
#include "spawn.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <string>

#include "../core/protocol.h"
#include "addon.h"
#include "error.h"
#include "packets.h"

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

// Every descriptor is first moved out of the way of the numbers that the launcher expects.
Fd Aside(int fd) { return Fd{::fcntl(fd, F_DUPFD_CLOEXEC, 20)}; }

// Returns 0 or an errno.
int StartLauncher(const Request& request, int control, pid_t& launcher) {
  const Fd plan = SealedMemory("plan", request.plan.data(), request.plan.size(), 0);
  if (!plan) return errno;
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
  give(control, kControlFd);
  give(plan.get(), kPlanFd);
  if (request.pidfd >= 0) give(request.pidfd, kPidFd);
  if (request.bare >= 0) give(request.bare, kBareFd);
  else ::posix_spawn_file_actions_addclose(&actions, kBareFd);

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
      ::posix_spawn(&launcher, path.c_str(), &actions, &attributes, arguments, environment);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  return error;
}

}  // namespace

void RunLauncher(const Request& request, Fd control) {
  pid_t launcher = -1;
  int error = StartLauncher(request, control.get(), launcher);
  const uint32_t step = error == 0 ? kLauncherDied : kNotLaunched;
  if (error == 0) {
    int status = 0;
    while (::waitpid(launcher, &status, 0) < 0 && errno == EINTR) {
    }
    // The child holds the socket open too, so that its end would not tell. Who failed by itself has said so before.
    if (status != 0) error = ECHILD;
  }
  const Record failed{Say::Failed, step, error, 0};
  if (error != 0) ::send(control.get(), &failed, sizeof failed, MSG_NOSIGNAL);
}

namespace {

// It takes one copy of the host's namespace, as a start does without it: a process that starts but one has no use for it.
Fd MakeBareNamespace(int launcher) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return Fd{};
  const Fd ours{pair[0]};
  const Header plan{kMagic, kVersion, sizeof(Header), Mode::Bare, 0, 0, 0, 0, 0, 0, 0, ~0u, 0};
  Request request;
  const auto* bytes = reinterpret_cast<const uint8_t*>(&plan);
  request.plan.assign(bytes, bytes + sizeof plan);
  request.launcher = launcher;
  RunLauncher(request, Fd{pair[1]});
  Record record{};
  Fd carried;
  if (ReceiveRecord(ours.get(), record, carried) <= 0 || record.say != Say::Prepared) return Fd{};
  return carried;
}

}  // namespace

int BareNamespace(const Request& request) {
  static std::mutex one;
  static int launches = 0;
  static Fd made;
  Header header;
  if (request.plan.size() < sizeof header) return -1;
  std::memcpy(&header, request.plan.data(), sizeof header);
  const std::lock_guard lock(one);
  if (header.mode == Mode::Launch && ++launches == 2) made = MakeBareNamespace(request.launcher);
  return made.get();
}

void AskKeeper(const Request& request, int control, int keeper) {
  const Fd plan = SealedMemory("plan", request.plan.data(), request.plan.size(), 0);
  const int fds[] = {control, plan.get(), request.launcher, request.bare};
  const int error = plan ? SendPacket(keeper, {Say::Spawn, 0, 0, 0}, fds, request.bare < 0 ? 3 : 4) : errno;
  const Record failed{Say::Failed, kNotLaunched, error, 0};
  if (error != 0) ::send(control, &failed, sizeof failed, MSG_NOSIGNAL);
}

Napi::Value SetLauncher(const Napi::CallbackInfo& info) {
  const auto program = info[0].As<Napi::Uint8Array>();
  constexpr unsigned kMfdExec = 0x10;  // MFD_EXEC, Linux 6.3
  Fd fd = SealedMemory("cella-launcher", program.Data(), program.ByteLength(), kMfdExec);
  if (!fd) throw SystemError(info.Env(), {errno, "memfd_create", "", -1});
  info.Env().GetInstanceData<Addon>()->launcher = std::move(fd);
  return info.Env().Undefined();
}

}  // namespace vz
