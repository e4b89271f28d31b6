// Settling promises from other threads.
#include "promise.h"

#include <chrono>
#include <thread>

namespace vz {
namespace {

// Threads that wait a moment for more work before they end: waking one takes half the time of making one. There are
// as many as there is work at once, so that no piece of work waits for another.
class Workers {
 public:
  void Run(std::function<void()> work) {
    const std::lock_guard<std::mutex> guard(mutex_);
    work_.push_back(std::move(work));
    if (idle_ >= work_.size()) {
      wake_.notify_one();
    } else {
      std::thread([this] { Loop(); }).detach();
    }
  }

 private:
  void Loop() {
    constexpr auto kPatience = std::chrono::seconds(1);
    std::unique_lock<std::mutex> guard(mutex_);
    for (;;) {
      ++idle_;
      const bool more = wake_.wait_for(guard, kPatience, [this] { return !work_.empty(); });
      --idle_;
      if (!more) return;
      const std::function<void()> work = std::move(work_.front());
      work_.pop_front();
      guard.unlock();
      work();
      guard.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> work_;
  size_t idle_ = 0;
};

// Never destroyed: its threads may outlive main().
Workers& TheWorkers() {
  static Workers* const workers = new Workers();
  return *workers;
}

}  // namespace

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
  if (env == nullptr) {  // the environment is going away, and what it holds with it
    last->held_.SuppressDestruct();
    return;
  }
  // Here and now: whatever thread lets go of it last, only this one may touch what JavaScript has.
  last->held_.Reset();
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

void Detach(std::function<void()> work) { TheWorkers().Run(std::move(work)); }

void Line::Run(std::function<void()> work) {
  const std::lock_guard<std::mutex> guard(mutex_);
  work_.push_back(std::move(work));
  if (std::exchange(running_, true)) return;
  Detach([self = shared_from_this()] { self->Loop(); });
}

void Line::Loop() {
  std::unique_lock<std::mutex> guard(mutex_);
  while (!work_.empty()) {
    std::function<void()> work = std::move(work_.front());
    work_.pop_front();
    guard.unlock();
    work();
    work = nullptr;
    guard.lock();
  }
  running_ = false;
  stopped_.notify_all();
}

void Line::Close() {
  std::unique_lock<std::mutex> guard(mutex_);
  work_.clear();
  stopped_.wait(guard, [this] { return !running_; });
}

Napi::Value InThread(Napi::Env env, const char* name, std::function<Outcome()> work) {
  auto pending = Pending::New(env, name);
  TheWorkers().Run([pending, work = std::move(work)] {
    pending->Settle(work());
  });
  return pending->promise();
}

}  // namespace vz
