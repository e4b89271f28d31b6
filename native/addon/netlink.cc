// Netlink (netlink(7)): requests that JavaScript has encoded go out, all that the kernel answers comes back.
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "addon.h"
#include "error.h"
#include "namespace.h"
#include "promise.h"

namespace vz {
namespace {

using Bytes = std::vector<uint8_t>;

// Room for the answers to some ten thousand messages, and for one transaction of nftables.
constexpr int kBuffer = 32 << 20;
constexpr timeval kPatience{30, 0};

Fd Open(int space, int protocol) {
  Fd socket = SocketIn(space, AF_NETLINK, SOCK_RAW, protocol);
  if (!socket) return socket;
  const int one = 1;
  // Without CAP_NET_ADMIN over the host the usual sizes have to do.
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kBuffer, sizeof kBuffer);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  // An acknowledgement does not repeat the message, and says in words what is wrong.
  ::setsockopt(socket.get(), SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
  ::setsockopt(socket.get(), SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);
  // A dump keeps to what it is asked for, as the routes of one table.
  ::setsockopt(socket.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof one);
  return socket;
}

// Calls `use(header)` for each message in a buffer; false where it is cut short.
template <typename Use>
bool ForEach(const uint8_t* at, size_t size, Use use) {
  while (size >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    std::memcpy(&header, at, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > size) return false;
    use(header);
    const size_t step = NLMSG_ALIGN(header.nlmsg_len);
    if (step >= size) return true;
    at += step;
    size -= step;
  }
  return size == 0;
}

// Sends one request of any number of messages, and appends what comes until each that asks for it has been answered.
// Returns 0 or an errno.
int Ask(int socket, const Bytes& request, Bytes& answers) {
  std::set<uint32_t> awaited;
  const bool sound = ForEach(request.data(), request.size(), [&](const nlmsghdr& header) {
    if (header.nlmsg_flags & (NLM_F_ACK | NLM_F_DUMP)) awaited.insert(header.nlmsg_seq);
  });
  if (!sound) return EINVAL;
  if (::send(socket, request.data(), request.size(), 0) < 0) return errno;
  // Not for each request anew: most answers are short, and so much memory takes longer to clear than they to come.
  thread_local std::vector<uint8_t> piece(1 << 18);
  while (!awaited.empty()) {
    const ssize_t got = ::recv(socket, piece.data(), piece.size(), MSG_TRUNC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN ? ETIMEDOUT : errno;
    if (static_cast<size_t>(got) > piece.size()) return EMSGSIZE;
    answers.insert(answers.end(), piece.begin(), piece.begin() + got);
    bool refused = false;
    ForEach(piece.data(), static_cast<size_t>(got), [&](const nlmsghdr& header) {
      if (header.nlmsg_type != NLMSG_ERROR && header.nlmsg_type != NLMSG_DONE) return;
      // A transaction that is refused as a whole is answered for a message that awaits nothing.
      if (awaited.erase(header.nlmsg_seq) == 0) refused = true;
    });
    if (refused) break;
  }
  return 0;
}

}  // namespace

// netlink(namespace, protocol, requests) → all answers in one buffer. `namespace`: a descriptor, -1 for ours. Each
// request is one datagram of messages and gets its answers before the next is sent.
Napi::Value Netlink(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto space = std::make_shared<Fd>(CopyFd(info[0]));
  const int protocol = info[1].As<Napi::Number>().Int32Value();
  auto requests = std::make_shared<std::vector<Bytes>>();
  const auto given = info[2].As<Napi::Array>();
  for (uint32_t i = 0; i < given.Length(); ++i) {
    const auto bytes = given.Get(i).As<Napi::Uint8Array>();
    requests->emplace_back(bytes.Data(), bytes.Data() + bytes.ByteLength());
  }
  auto pending = Pending::New(env, "cella.netlink");
  Detach([pending, space, protocol, requests] {
    auto answers = std::make_shared<Bytes>();
    const Fd socket = Open(space->get(), protocol);
    int error = socket ? 0 : errno;
    for (const Bytes& request : *requests) {
      if (error == 0) error = Ask(socket.get(), request, *answers);
    }
    Failure failure;
    failure.error = error;
    failure.syscall = "netlink";
    pending->Settle({failure, [answers](Napi::Env at) -> Napi::Value {
                       return Napi::Buffer<uint8_t>::Copy(at, answers->data(), answers->size());
                     }});
    // Only then: the end of a socket of nftables waits until what was removed is freed.
  });
  return pending->promise();
}

// netlinkNow(protocol, request) → the answers. In our own namespace, by the thread that calls: for a few lookups, which
// take less time than handing them to another thread does.
Napi::Value NetlinkNow(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int protocol = info[0].As<Napi::Number>().Int32Value();
  const auto given = info[1].As<Napi::Uint8Array>();
  const Bytes request(given.Data(), given.Data() + given.ByteLength());
  Bytes answers;
  // Kept: the end of a socket of nftables waits for whatever is being removed just then.
  thread_local std::map<int, Fd> sockets;
  Fd& socket = sockets[protocol];
  if (!socket) socket = Open(-1, protocol);
  Failure failure;
  failure.error = socket ? Ask(socket.get(), request, answers) : errno;
  failure.syscall = "netlink";
  if (failure.error == 0) return Napi::Buffer<uint8_t>::Copy(env, answers.data(), answers.size());
  // Answers that are still to come are nobody's.
  socket = Fd{};
  throw SystemError(env, failure);
}

}  // namespace vz
