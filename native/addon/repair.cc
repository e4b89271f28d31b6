// Sockets of other processes that a checkpoint was made of (tcp(7), TCP_REPAIR), by descriptors taken from them.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>

#include "addon.h"
#include "error.h"
#include "fd.h"

namespace vz {

// endRepair(pidfd, descriptor): a connection that is being looked into sends and receives again. What is none stays as
// it is.
Napi::Value EndRepair(const Napi::CallbackInfo& info) {
  const Fd socket{static_cast<int>(::syscall(SYS_pidfd_getfd, Number(info, 0), Number(info, 1), 0))};
  if (!socket && (errno == EBADF || errno == ESRCH)) return info.Env().Undefined();
  if (!socket) throw SystemError(info.Env(), {errno, "pidfd_getfd", "", -1});
  int repair = TCP_REPAIR_OFF;
  socklen_t length = sizeof(repair);
  if (::getsockopt(socket.get(), IPPROTO_TCP, TCP_REPAIR, &repair, &length) < 0 || repair != TCP_REPAIR_ON)
    return info.Env().Undefined();
  repair = TCP_REPAIR_OFF;
  if (::setsockopt(socket.get(), IPPROTO_TCP, TCP_REPAIR, &repair, sizeof(repair)) < 0)
    throw SystemError(info.Env(), {errno, "setsockopt", "", -1});
  return info.Env().Undefined();
}

}  // namespace vz
