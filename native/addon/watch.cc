// Watching descriptors with uv_poll (libuv: uv_poll_t), and waiting for processes by it.
#include "watch.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <cerrno>
#include <memory>

#include "addon.h"
#include "error.h"
#include "fd.h"
#include "promise.h"

namespace vz {

Watch::Watch(Napi::Env env, OnReadable onReadable) : env_(env), onReadable_(std::move(onReadable)) {}

int Watch::Start(Napi::Env env, int fd, bool background, OnReadable onReadable) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return ECANCELED;
  auto* watch = new Watch(env, std::move(onReadable));
  if (const int error = uv_poll_init(loop, &watch->poll_, fd); error < 0) {
    delete watch;
    return -error;
  }
  watch->poll_.data = watch;
  if (background) uv_unref(reinterpret_cast<uv_handle_t*>(&watch->poll_));
  // An environment must not end with handles open.
  napi_add_async_cleanup_hook(env, Teardown, watch, &watch->hook_);
  uv_poll_start(&watch->poll_, UV_READABLE, Readable);
  return 0;
}

void Watch::Readable(uv_poll_t* poll, int, int) {
  auto* watch = static_cast<Watch*>(poll->data);
  const Napi::Env env = watch->env_;
  const Napi::HandleScope scope(env);
  bool more = false;
  try {
    // Its end runs what the promises that were settled have waiting.
    const Napi::AsyncContext context(env, "cella");
    const Napi::CallbackScope callback(env, context);
    more = watch->onReadable_(env);
    if (!more) watch->Close();
  } catch (const Napi::Error&) {
    // The environment is on its way down and runs no JavaScript any more: nobody is left to tell.
    watch->Close();
  }
}

void Watch::Teardown(napi_async_cleanup_hook_handle, void* self) { static_cast<Watch*>(self)->Close(); }

void Watch::Close() {
  auto* handle = reinterpret_cast<uv_handle_t*>(&poll_);
  if (uv_is_closing(handle)) return;
  uv_close(handle, [](uv_handle_t* closed) {
    auto* watch = static_cast<Watch*>(closed->data);
    napi_remove_async_cleanup_hook(watch->hook_);
    delete watch;
  });
}

namespace {

// Only a parent learns how its child ended; for anybody else's process the status stays unknown.
Napi::Value Told(Napi::Env env, int result, const siginfo_t& info) {
  const bool known = result == 0 && info.si_pid != 0;
  const bool exited = info.si_code == CLD_EXITED;
  const Napi::Value status = Napi::Number::New(env, info.si_status);
  Napi::Object ended = Napi::Object::New(env);
  ended.Set("code", known && exited ? status : env.Null());
  ended.Set("signal", known && !exited ? status : env.Null());
  return ended;
}

int Ask(int pidfd, int options, siginfo_t& info) {
  return ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, WEXITED | options);
}

// A process that somebody traces ends for its parent only once that one has seen it (ptrace(2)): CRIU kills what it has
// dumped. Its descriptor says earlier that it is gone, so that is waited for by a thread.
Napi::Value Collect(Napi::Env env, const std::shared_ptr<Fd>& pidfd) {
  siginfo_t info{};
  const int result = Ask(pidfd->get(), WNOHANG, info);
  if (result < 0 || info.si_pid != 0) return Told(env, result, info);
  return InThread(env, "cella.wait", [pidfd]() -> Outcome {
    siginfo_t late{};
    int told = 0;
    // The event loop has made the descriptor one that waits for nothing (pidfd_open(2), PIDFD_NONBLOCK).
    while ((told = Ask(pidfd->get(), WNOHANG, late)) == 0 && late.si_pid == 0) ::usleep(5000);
    return {{}, [told, late](Napi::Env at) { return Told(at, told, late); }};
  });
}

}  // namespace

// wait(pidfd, background) → { code, signal }
Napi::Value Wait(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto deferred = Napi::Promise::Deferred::New(env);
  const auto own = std::make_shared<Fd>(::fcntl(info[0].As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 0));
  const bool background = info.Length() > 1 && info[1].ToBoolean();
  const auto ended = [deferred, own](Napi::Env at) {
    deferred.Resolve(Collect(at, own));
    return false;
  };
  const int error = *own ? Watch::Start(env, own->get(), background, ended) : errno;
  if (error != 0) deferred.Reject(SystemError(env, {error, "poll", "", -1}).Value());
  return deferred.Promise();
}

}  // namespace vz
