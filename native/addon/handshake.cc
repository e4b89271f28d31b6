// The runtime's half of the handshake that protocol.h shows: records come in by the event loop, promises settle.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>

#include "../core/protocol.h"
#include "addon.h"
#include "packets.h"
#include "promise.h"
#include "spawn.h"
#include "watch.h"

namespace vz {
namespace {

enum class Until { Prepared, Waiting, Running };

// One launch between two answers to JavaScript.
struct Launch {
  Launch(Napi::Env env, Until goal, int socket)
      : until(goal), control(socket), deferred(Napi::Promise::Deferred::New(env)) {}
  Until until;
  Fd control;
  Napi::Promise::Deferred deferred;
  pid_t pid = -1;
  Fd pidfd, terminal;
  bool ready = false, waiting = false;
  Failure failure;  // the first one
};

void Succeed(Napi::Env env, Launch& launch) {
  Napi::Object born = Napi::Object::New(env);
  born.Set("pid", launch.pid);
  born.Set("pidfd", launch.pidfd.release());
  born.Set("terminal", launch.terminal.release());
  born.Set("waiting", launch.waiting);
  if (launch.until != Until::Running) born.Set("control", launch.control.release());
  launch.deferred.Resolve(born);
}

// The promise fails when the child is gone, too: on a thread, as it may take its time.
void Fail(Napi::Env env, const std::shared_ptr<Launch>& launch) {
  if (!launch->pidfd) return launch->deferred.Reject(SystemError(env, launch->failure).Value());
  launch->deferred.Resolve(InThread(env, "cella.reap", [launch]() -> Outcome {
    siginfo_t info;
    ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(launch->pidfd.get()), &info, WEXITED);
    return {launch->failure};
  }));
}

void Note(Launch& launch, Failure failure) {
  if (launch.failure.error == 0) launch.failure = std::move(failure);
}

// A launch that has failed goes on to the end of the socket, which nobody holds then: the launcher makes nothing more.
void End(Launch& launch) {
  if (launch.failure.error == 0 || !launch.pidfd) return;
  ::syscall(SYS_pidfd_send_signal, launch.pidfd.get(), SIGKILL, nullptr, 0);
}

void Take(Launch& launch, const Record& record, Fd carried) {
  switch (record.say) {
    case Say::Failed: Note(launch, {record.value, "launch", "", static_cast<int64_t>(record.step)}); break;
    case Say::Born:
      launch.pid = record.value;
      launch.pidfd = std::move(carried);
      break;
    case Say::Terminal: launch.terminal = std::move(carried); break;
    case Say::Ready: launch.ready = true; break;
    case Say::Waiting: launch.waiting = true; break;
    default: break;
  }
  End(launch);
}

// Takes what has come; false when the promise is settled.
bool Listen(Napi::Env env, const std::shared_ptr<Launch>& launch) {
  for (;;) {
    Record record{};
    Fd carried;
    const ssize_t got = ReceiveRecord(launch->control.get(), record, carried);
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) {
      // execve closed the socket, or everybody has ended before that.
      const bool running = got == 0 && launch->until == Until::Running && launch->ready;
      if (running && launch->failure.error == 0) return Succeed(env, *launch), false;
      Note(*launch, got < 0 ? Failure{errno, "recvmsg", "", -1} : Failure{EPIPE, "launch", "", -1});
      End(*launch);
      return Fail(env, launch), false;
    }
    Take(*launch, record, std::move(carried));
    const bool reached = (record.say == Say::Prepared && launch->until == Until::Prepared) ||
                         (record.say == Say::Waiting && launch->until == Until::Waiting);
    if (reached && launch->failure.error == 0) return Succeed(env, *launch), false;
  }
}

Napi::Value Follow(Napi::Env env, const std::shared_ptr<Launch>& launch) {
  const Napi::Promise promise = launch->deferred.Promise();
  const auto listen = [launch](Napi::Env at) { return Listen(at, launch); };
  const int error = Watch::Start(env, launch->control.get(), false, listen);
  if (error != 0) launch->deferred.Reject(SystemError(env, {error, "poll", "", -1}).Value());
  return promise;
}

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

Napi::Value Begin(const Napi::CallbackInfo& info, Until until) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
    throw SystemError(info.Env(), {errno, "socketpair", "", -1});
  const auto launch = std::make_shared<Launch>(info.Env(), until, pair[0]);
  const Napi::Value promise = Follow(info.Env(), launch);
  const int keeper = info.Length() > 3 && info[3].IsNumber() ? info[3].As<Napi::Number>().Int32Value() : -1;
  // On a thread: posix_spawn suspends its caller until the launcher runs.
  Detach([request = ReadRequest(info), keeper, theirs = std::make_shared<Fd>(pair[1])]() mutable {
    request.bare = BareNamespace(request);
    if (keeper >= 0) AskKeeper(request, theirs->get(), keeper);
    else RunLauncher(request, std::move(*theirs));
  });
  return promise;
}

}  // namespace

// spawn(plan, stdio, pidfd, keeper) → { control, pid, pidfd, terminal, waiting }: a child that makes itself ready, then
// waits for release(). With the socket of a keeper it is that one's child.
Napi::Value Spawn(const Napi::CallbackInfo& info) { return Begin(info, Until::Prepared); }

// enter(plan, stdio, pidfd) → { pid, pidfd, terminal }: a command runs in the container of `pidfd`.
Napi::Value Enter(const Napi::CallbackInfo& info) { return Begin(info, Until::Running); }

// untilWaiting(control) → { control, terminal }: the child has nothing left to do but the last step.
Napi::Value UntilWaiting(const Napi::CallbackInfo& info) {
  return Follow(info.Env(),
                std::make_shared<Launch>(info.Env(), Until::Waiting, info[0].As<Napi::Number>().Int32Value()));
}

// release(control) → { terminal }: lets the child go, and settles when user code runs or a step has failed.
Napi::Value Release(const Napi::CallbackInfo& info) {
  const auto launch =
      std::make_shared<Launch>(info.Env(), Until::Running, info[0].As<Napi::Number>().Int32Value());
  const Record go{Say::Go, 0, 0, 0};
  // A child that has ended already may have said why: that is read next.
  ::send(launch->control.get(), &go, sizeof go, MSG_NOSIGNAL);
  return Follow(info.Env(), launch);
}

}  // namespace vz
