// One thread that watches every pidfd somebody waits for.
#pragma once
#include <map>
#include <memory>
#include <mutex>

#include "fd.h"
#include "promise.h"

namespace vz {

class Waiter : public std::enable_shared_from_this<Waiter> {
 public:
  static std::shared_ptr<Waiter> Start();
  // Settles `pending` when the process behind `pidfd` has ended; takes a descriptor of its own.
  void Add(int pidfd, std::shared_ptr<Pending> pending);

 private:
  struct Watched {
    Fd pidfd;
    std::shared_ptr<Pending> pending;
  };
  void Loop();
  void Ended(int key);
  Fd epoll_;
  std::mutex mutex_;
  std::map<int, Watched> watched_;
};

}  // namespace vz
