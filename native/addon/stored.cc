// What CRIU keeps while it restores: descriptors in the queue of a socket that is connected to itself (its fdstore.c).
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include <cstring>

#include "addon.h"
#include "fd.h"

namespace vz {
namespace {

bool IsStore(int socket) {
  constexpr char kName[] = "\0/criu-fdstore-";
  sockaddr_un address{};
  socklen_t size = sizeof address;
  return ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0 && address.sun_family == AF_UNIX &&
         std::memcmp(address.sun_path, kName, sizeof kName - 1) == 0;
}

bool IsMaster(int fd, int number) {
  struct statfs info;
  int its = -1;
  return ::fstatfs(fd, &info) == 0 && info.f_type == DEVPTS_SUPER_MAGIC && ::ioctl(fd, TIOCGPTN, &its) == 0 &&
         its == number;
}

// A new pty is locked until somebody says that it is ready (pts(4)).
bool Unlock(int master) {
  const int locked = 0;
  return ::ioctl(master, TIOCSPTLCK, &locked) == 0;
}

// A copy; nothing is taken out.
ssize_t Peek(int socket, Fd& carried) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  char byte;
  iovec part{&byte, sizeof byte};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = ::recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  int fd = -1;
  if (got > 0 && header && header->cmsg_type == SCM_RIGHTS) std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  carried = Fd{fd};
  return got;
}

}  // namespace

// storedMaster(pidfd, descriptor, number) → fd: the master of a pty, by its number in its devpts, from a socket of CRIU's;
// -1 where that is no such socket, or has no such master.
Napi::Value StoredMaster(const Napi::CallbackInfo& info) {
  const Fd store{static_cast<int>(::syscall(SYS_pidfd_getfd, Number(info, 0), Number(info, 1), 0))};
  // CRIU sets it anew before each look of its own.
  const int first = 0;
  if (!store || !IsStore(store.get()) ||
      ::setsockopt(store.get(), SOL_SOCKET, SO_PEEK_OFF, &first, sizeof first) < 0)
    return Napi::Number::New(info.Env(), -1);
  Fd carried;
  while (Peek(store.get(), carried) > 0) {
    if (carried && IsMaster(carried.get(), Number(info, 2)) && Unlock(carried.get()))
      return Napi::Number::New(info.Env(), carried.release());
  }
  return Napi::Number::New(info.Env(), -1);
}

}  // namespace vz
