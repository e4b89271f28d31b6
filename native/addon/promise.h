// Blocking work on threads of our own, seen from JavaScript as a promise; libuv's pool stays free for others.
#pragma once
#include <napi.h>

#include <functional>
#include <memory>

#include "error.h"

namespace vz {

struct Outcome {
  Failure failure;                                   // failure.error 0: success
  std::function<Napi::Value(Napi::Env)> value = {};  // called on the JavaScript thread
};

// One promise that any thread may settle, once.
class Pending {
 public:
  static std::shared_ptr<Pending> New(Napi::Env env, const char* name);
  Napi::Promise promise() const { return deferred_.Promise(); }
  void Settle(Outcome outcome);

 private:
  explicit Pending(Napi::Env env) : deferred_(Napi::Promise::Deferred::New(env)) {}
  static void CallJs(Napi::Env env, Napi::Function, Pending* self, Outcome* outcome);
  using Door = Napi::TypedThreadSafeFunction<Pending, Outcome, &Pending::CallJs>;
  Napi::Promise::Deferred deferred_;
  Door door_;
  std::shared_ptr<Pending> self_;
};

// Runs work on a thread of ours; nobody is told.
void Detach(std::function<void()> work);

Napi::Value InThread(Napi::Env env, const char* name, std::function<Outcome()> work);

}  // namespace vz
