// Blocking work on threads of our own, seen from JavaScript as a promise; libuv's pool stays free for others.
#pragma once
#include <napi.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

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
  // Keeps a value until then: memory that the work reads.
  void Hold(const Napi::Object& value) { held_ = Napi::Persistent(value); }
  void Settle(Outcome outcome);

 private:
  explicit Pending(Napi::Env env) : deferred_(Napi::Promise::Deferred::New(env)) {}
  static void CallJs(Napi::Env env, Napi::Function, Pending* self, Outcome* outcome);
  using Door = Napi::TypedThreadSafeFunction<Pending, Outcome, &Pending::CallJs>;
  Napi::Promise::Deferred deferred_;
  Door door_;
  Napi::ObjectReference held_;
  std::shared_ptr<Pending> self_;
};

// Runs work on a thread of ours; nobody is told.
void Detach(std::function<void()> work);

// Pieces of work that are done one after the other, by one thread of ours at a time.
class Line : public std::enable_shared_from_this<Line> {
 public:
  void Run(std::function<void()> work);
  // Waits for the piece that is being done; the others never will be.
  void Close();

 private:
  void Loop();
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::deque<std::function<void()>> work_;
  bool running_ = false;
};

Napi::Value InThread(Napi::Env env, const char* name, std::function<Outcome()> work);

}  // namespace vz
