// Network interfaces that move from one network namespace to another, by netlink (rtnetlink(7)).
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "addon.h"
#include "namespace.h"
#include "promise.h"

namespace vz {
namespace {

struct Message {
  nlmsghdr header;
  ifinfomsg info;
  char attributes[128];
};

void Put(Message& message, unsigned short type, const void* value, size_t size) {
  auto* at = reinterpret_cast<rtattr*>(reinterpret_cast<char*>(&message) + NLMSG_ALIGN(message.header.nlmsg_len));
  at->rta_type = type;
  at->rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
  std::memcpy(RTA_DATA(at), value, size);
  message.header.nlmsg_len = NLMSG_ALIGN(message.header.nlmsg_len) + RTA_ALIGN(at->rta_len);
}

// Returns 0 or an errno.
int Ask(int socket, const Message& message) {
  if (::send(socket, &message, message.header.nlmsg_len, 0) < 0) return errno;
  alignas(nlmsghdr) char answer[4096];
  if (::recv(socket, answer, sizeof answer, 0) < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return EPROTO;
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  if (header->nlmsg_type != NLMSG_ERROR) return EPROTO;
  return -reinterpret_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
}

int IndexOf(int socket, const std::string& name) {
  ifreq request{};
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  return ::ioctl(socket, SIOCGIFINDEX, &request) < 0 ? -1 : request.ifr_ifindex;
}

struct Move {
  Fd from, to;
  int index;
  std::string name;
};

Outcome Do(const Move& move) {
  const Fd netlink = SocketIn(move.from.get(), AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (!netlink) return {{errno, "socket", move.name, -1}};
  Message message{};
  message.header.nlmsg_len = NLMSG_LENGTH(sizeof(ifinfomsg));
  message.header.nlmsg_type = RTM_NEWLINK;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  message.info.ifi_index = move.index;
  Put(message, IFLA_IFNAME, move.name.c_str(), move.name.size() + 1);
  const int target = move.to.get();
  Put(message, IFLA_NET_NS_FD, &target, sizeof target);
  if (const int error = Ask(netlink.get(), message); error != 0) return {{error, "setlink", move.name, -1}};
  const Fd there = SocketIn(move.to.get(), AF_INET, SOCK_DGRAM, 0);
  const int index = there ? IndexOf(there.get(), move.name) : -1;
  return {{}, [index](Napi::Env env) -> Napi::Value { return Napi::Number::New(env, index); }};
}

}  // namespace

// moveLink(from, to, index, name) → its index there, -1 unless it is to be seen. `from` and `to` are descriptors of
// network namespaces. Index 0: by its name; else it gets that name.
Napi::Value MoveLink(const Napi::CallbackInfo& info) {
  const auto move = std::make_shared<Move>(Move{CopyFd(info[0]), CopyFd(info[1]), info[2].As<Napi::Number>().Int32Value(),
                                                info[3].As<Napi::String>()});
  return InThread(info.Env(), "cella.link", [move] { return Do(*move); });
}

}  // namespace vz
