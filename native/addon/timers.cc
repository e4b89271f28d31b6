// Timers of other processes (timerfd_create(2)), by descriptors taken from them (pidfd_getfd(2), Linux 5.6).
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include <cerrno>

#include "addon.h"
#include "error.h"
#include "fd.h"

namespace vz {

// relativeTimer(pidfd, descriptor): an armed timer goes off when it would, but as one that was set by how long that is
// from now. One that is not armed, or not there, stays as it is.
Napi::Value RelativeTimer(const Napi::CallbackInfo& info) {
  const Fd timer{static_cast<int>(::syscall(SYS_pidfd_getfd, Number(info, 0), Number(info, 1), 0))};
  if (!timer && (errno == EBADF || errno == ESRCH)) return info.Env().Undefined();
  if (!timer) throw SystemError(info.Env(), {errno, "pidfd_getfd", "", -1});
  itimerspec left{};
  if (::timerfd_gettime(timer.get(), &left) < 0) throw SystemError(info.Env(), {errno, "timerfd_gettime", "", -1});
  if (left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0) return info.Env().Undefined();
  if (::timerfd_settime(timer.get(), 0, &left, nullptr) < 0)
    throw SystemError(info.Env(), {errno, "timerfd_settime", "", -1});
  return info.Env().Undefined();
}

}  // namespace vz
