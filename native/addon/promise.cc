// Settling promises from other threads.
#include "promise.h"

#include <thread>

namespace vz {

std::shared_ptr<Pending> Pending::New(Napi::Env env, const char* name) {
  std::shared_ptr<Pending> pending(new Pending(env));
  pending->self_ = pending;  // until settled
  pending->door_ = Door::New(env, name, 0, 1, pending.get());
  return pending;
}

void Pending::Settle(Outcome outcome) {
  door_.BlockingCall(new Outcome(std::move(outcome)));
  door_.Release();
}

void Pending::CallJs(Napi::Env env, Napi::Function, Pending* self, Outcome* outcome) {
  const std::unique_ptr<Outcome> owned(outcome);
  const std::shared_ptr<Pending> last = std::move(self->self_);
  if (env == nullptr) return;  // the environment is going away
  Napi::HandleScope scope(env);
  try {
    if (owned->failure.error != 0) {
      last->deferred_.Reject(SystemError(env, owned->failure).Value());
    } else {
      last->deferred_.Resolve(owned->value ? owned->value(env) : env.Undefined());
    }
  } catch (const Napi::Error&) {
    // The environment is on its way down and runs no JavaScript any more: nobody is left to tell.
  }
}

Napi::Value InThread(Napi::Env env, const char* name, std::function<Outcome()> work) {
  auto pending = Pending::New(env, name);
  std::thread([pending, work = std::move(work)] {
    Outcome outcome = work();
    const auto after = std::move(outcome.after);
    pending->Settle(std::move(outcome));
    if (after) after();
  }).detach();
  return pending->promise();
}

}  // namespace vz
