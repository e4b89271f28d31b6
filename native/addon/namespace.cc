// Sockets of other network namespaces: which one a socket belongs to is settled when it is made (setns(2)).
#include "namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>

namespace vz {

Fd SocketIn(int space, int family, int type, int protocol) {
  if (space < 0) return Fd{::socket(family, type | SOCK_CLOEXEC, protocol)};
  const Fd own{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
  if (!own || ::setns(space, CLONE_NEWNET) < 0) return Fd{};
  Fd socket{::socket(family, type | SOCK_CLOEXEC, protocol)};
  const int error = errno;
  // A thread that stayed would do the host's work in a container's network.
  if (::setns(own.get(), CLONE_NEWNET) < 0) std::abort();
  errno = error;
  return socket;
}

Fd CopyFd(const Napi::Value& value) {
  const int fd = value.As<Napi::Number>().Int32Value();
  return fd < 0 ? Fd{} : Fd{::fcntl(fd, F_DUPFD_CLOEXEC, 3)};
}

}  // namespace vz
