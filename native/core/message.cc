// Records between the launcher, its children and the runtime, with descriptors beside them (unix(7), SCM_RIGHTS).
#include "state.h"

#include <errno.h>
#include <sys/socket.h>

extern "C" void* memcpy(void* to, const void* from, size_t n);

namespace vz {
namespace {

struct Message {
  msghdr header;
  iovec part;
  alignas(8) char control[CMSG_SPACE(sizeof(int) * kSlots)];
};

void Prepare(Message& message, Record& record) {
  message.header = {};
  message.part = {&record, sizeof record};
  message.header.msg_iov = &message.part;
  message.header.msg_iovlen = 1;
}

}  // namespace

long Send(int socket, Record record, const int* fds, int count) {
  Message message;
  Prepare(message, record);
  if (count > 0) {
    message.header.msg_control = message.control;
    message.header.msg_controllen = CMSG_SPACE(sizeof(int) * static_cast<size_t>(count));
    auto* header = reinterpret_cast<cmsghdr*>(message.control);
    header->cmsg_len = CMSG_LEN(sizeof(int) * static_cast<size_t>(count));
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(header), fds, sizeof(int) * static_cast<size_t>(count));
  }
  const long sent = Syscall(SYS_sendmsg, socket, Ptr(&message.header), MSG_NOSIGNAL);
  return sent < 0 ? sent : 0;
}

long Receive(int socket, Record& record, int* fds, int count) {
  Message message;
  Prepare(message, record);
  message.header.msg_control = message.control;
  message.header.msg_controllen = sizeof message.control;
  const long got = Syscall(SYS_recvmsg, socket, Ptr(&message.header), MSG_CMSG_CLOEXEC);
  if (got != static_cast<long>(sizeof record)) return got < 0 ? got : 0;
  if (message.header.msg_controllen >= sizeof(cmsghdr)) {
    auto* header = reinterpret_cast<cmsghdr*>(message.control);
    const int carried = static_cast<int>((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fds, CMSG_DATA(header), sizeof(int) * static_cast<size_t>(carried < count ? carried : count));
  }
  return got;
}

}  // namespace vz
