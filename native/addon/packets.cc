// Talking to the keeper: records and descriptors over sockets of packets, as core/protocol.h has them.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "../core/protocol.h"
#include "addon.h"
#include "error.h"
#include "packets.h"
#include "watch.h"

namespace vz {
namespace {

// False where the path is too long for a socket.
bool Address(const std::string& path, sockaddr_un& address) {
  address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return true;
}

template <typename Use>
Napi::Value Open(const Napi::CallbackInfo& info, const char* what, Use use) {
  const std::string path = info[0].As<Napi::String>();
  sockaddr_un address;
  if (!Address(path, address)) throw SystemError(info.Env(), {ENAMETOOLONG, what, path, -1});
  Fd socket{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket || !use(socket.get(), reinterpret_cast<sockaddr*>(&address), path))
    throw SystemError(info.Env(), {errno, what, path, -1});
  return Napi::Number::New(info.Env(), socket.release());
}

// ECONNRESET comes once, before what there is to read: the other end is gone without having read all that it was told
// (unix(7)).
template <typename Call>
ssize_t Persist(Call call) {
  for (;;) {
    const ssize_t got = call();
    if (got >= 0 || (errno != EINTR && errno != ECONNRESET)) return got;
  }
}

}  // namespace

int SendPacket(int socket, const Record& record, const int* fds, size_t count) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 4)] = {};
  iovec part{const_cast<Record*>(&record), sizeof record};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    std::memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
  }
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? errno : 0;
}

ssize_t ReceivePart(int socket, void* bytes, size_t size, Fd& carried) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  iovec part{bytes, size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = Persist([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT); });
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (got > 0 && header && header->cmsg_type == SCM_RIGHTS) {
    int fd;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    carried = Fd{fd};
  }
  return got;
}

ssize_t NextSize(int socket) {
  return Persist([&] { return ::recv(socket, nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT); });
}

ssize_t ReceiveRecord(int socket, Record& record, Fd& carried) {
  return ReceivePart(socket, &record, sizeof record, carried);
}

Napi::Value NextPacket(Napi::Env env, int socket, bool background, Take take) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  const auto again = [deferred, take = std::move(take)](Napi::Env at) {
    Napi::Object packet = Napi::Object::New(at);
    const ssize_t got = take(at, packet);
    if (got < 0 && errno == EAGAIN) return true;
    deferred.Resolve(got <= 0 ? at.Null() : Napi::Value(packet));
    return false;
  };
  if (!again(env)) return deferred.Promise();
  const int error = Watch::Start(env, socket, background, again);
  if (error != 0) deferred.Reject(SystemError(env, {error, "poll", "", -1}).Value());
  return deferred.Promise();
}

// listenPacket(path) → fd
Napi::Value ListenPacket(const Napi::CallbackInfo& info) {
  return Open(info, "bind", [](int socket, const sockaddr* address, const std::string& path) {
    ::unlink(path.c_str());
    return ::bind(socket, address, sizeof(sockaddr_un)) == 0 && ::chmod(path.c_str(), 0600) == 0 &&
           ::listen(socket, 64) == 0;
  });
}

// connectPacket(path) → fd
Napi::Value ConnectPacket(const Napi::CallbackInfo& info) {
  return Open(info, "connect", [](int socket, const sockaddr* address, const std::string&) {
    return ::connect(socket, address, sizeof(sockaddr_un)) == 0;
  });
}

// endPackets(socket): whoever waits for one gets the end.
Napi::Value EndPackets(const Napi::CallbackInfo& info) {
  ::shutdown(Number(info, 0), SHUT_RDWR);
  return info.Env().Undefined();
}

// sendPacket(socket, { say, value, token }, fd)
Napi::Value SendPacketTo(const Napi::CallbackInfo& info) {
  const auto packet = info[1].As<Napi::Object>();
  const auto number = [&](const char* name) { return packet.Get(name).As<Napi::Number>(); };
  const Record record{static_cast<Say>(number("say").Uint32Value()), 0, number("value").Int32Value(),
                      number("token").Uint32Value()};
  const int fd = info[2].As<Napi::Number>().Int32Value();
  const int error = SendPacket(Number(info, 0), record, &fd, fd < 0 ? 0 : 1);
  if (error != 0) throw SystemError(info.Env(), {error, "sendmsg", "", -1});
  return info.Env().Undefined();
}

// receivePacket(socket, background) → { say, value, token, fd }, or null at the end
Napi::Value ReceivePacket(const Napi::CallbackInfo& info) {
  const int socket = Number(info, 0);
  return NextPacket(info.Env(), socket, info[1].ToBoolean(), [socket](Napi::Env, Napi::Object& packet) {
    Record record{};
    Fd carried;
    const ssize_t got = ReceiveRecord(socket, record, carried);
    if (got <= 0) return got;
    packet.Set("say", static_cast<uint32_t>(record.say));
    packet.Set("value", record.value);
    packet.Set("token", record.reserved);
    packet.Set("fd", carried.release());
    return got;
  });
}

}  // namespace vz
