// Waiting for processes: epoll over pidfds, so that a thousand containers cost one thread.
#include "waiter.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include <cerrno>
#include <thread>

#include "addon.h"

namespace vz {
namespace {

// Only a parent learns how its child ended; for anybody else's process the status stays unknown.
Outcome Collect(int pidfd) {
  siginfo_t info{};
  const int result = ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG);
  const bool known = result == 0 && info.si_pid != 0;
  const bool exited = info.si_code == CLD_EXITED;
  const int status = info.si_status;
  return {{}, [known, exited, status](Napi::Env env) -> Napi::Value {
            Napi::Object ended = Napi::Object::New(env);
            ended.Set("code", known && exited ? Napi::Value(Napi::Number::New(env, status)) : env.Null());
            ended.Set("signal", known && !exited ? Napi::Value(Napi::Number::New(env, status)) : env.Null());
            return ended;
          }};
}

}  // namespace

std::shared_ptr<Waiter> Waiter::Start() {
  auto waiter = std::make_shared<Waiter>();
  waiter->epoll_ = Fd{::epoll_create1(EPOLL_CLOEXEC)};
  std::thread([waiter] { waiter->Loop(); }).detach();
  return waiter;
}

void Waiter::Add(int pidfd, std::shared_ptr<Pending> pending) {
  Fd own{::fcntl(pidfd, F_DUPFD_CLOEXEC, 0)};
  if (!own) return pending->Settle({{errno, "fcntl", "", -1}});
  const int key = own.get();
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    watched_[key] = {std::move(own), std::move(pending)};
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.fd = key;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, key, &event) < 0) Ended(key);
}

void Waiter::Ended(int key) {
  std::unique_lock<std::mutex> guard(mutex_);
  auto found = watched_.extract(key);
  guard.unlock();
  if (!found.empty()) found.mapped().pending->Settle(Collect(key));
}

void Waiter::Loop() {
  epoll_event events[64];
  for (;;) {
    const int count = ::epoll_wait(epoll_.get(), events, 64, -1);
    if (count < 0 && errno != EINTR) return;
    for (int i = 0; i < count; ++i) Ended(events[i].data.fd);
  }
}

Napi::Value Wait(const Napi::CallbackInfo& info) {
  auto* addon = info.Env().GetInstanceData<Addon>();
  if (!addon->waiter) addon->waiter = Waiter::Start();
  auto pending = Pending::New(info.Env(), "cella.wait");
  if (info.Length() > 1 && info[1].ToBoolean()) pending->Unref(info.Env());
  const Napi::Promise promise = pending->promise();
  addon->waiter->Add(info[0].As<Napi::Number>().Int32Value(), std::move(pending));
  return promise;
}

}  // namespace vz
