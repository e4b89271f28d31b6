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
  std::function<void()> after = {};                  // what nobody needs to wait for, on the working thread
};

// One promise that any thread may settle, once.
class Pending {
 public:
  static std::shared_ptr<Pending> New(Napi::Env env, const char* name);
  Napi::Promise promise() const { return deferred_.Promise(); }
  void Settle(Outcome outcome);
  // Lets the process end with this promise unsettled.
  void Unref(Napi::Env env) { door_.Unref(env); }

 private:
  explicit Pending(Napi::Env env) : deferred_(Napi::Promise::Deferred::New(env)) {}
  static void CallJs(Napi::Env env, Napi::Function, Pending* self, Outcome* outcome);
  using Door = Napi::TypedThreadSafeFunction<Pending, Outcome, &Pending::CallJs>;
  Napi::Promise::Deferred deferred_;
  Door door_;
  std::shared_ptr<Pending> self_;
};

Napi::Value InThread(Napi::Env env, const char* name, std::function<Outcome()> work);

}  // namespace vz
