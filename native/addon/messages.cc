// Talking to CRIU: messages of any length over a pair of sockets of packets (its swrk mode, unix(7)).
#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "addon.h"
#include "error.h"
#include "fd.h"
#include "watch.h"

namespace vz {
namespace {

int Number(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::Number>().Int32Value(); }

// One message and at most one descriptor. 0 at the end, -1 with errno.
ssize_t Receive(int socket, std::vector<char>& bytes, Fd& carried) {
  const ssize_t size = ::recv(socket, nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
  if (size <= 0) return size;
  bytes.resize(static_cast<size_t>(size));
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  const cmsghdr* header = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
    carried = Fd{*reinterpret_cast<const int*>(CMSG_DATA(header))};
  return got;
}

}  // namespace

// messagePair() → [ours, theirs]: a program gets `theirs`, without O_CLOEXEC as far as it is concerned.
Napi::Value MessagePair(const Napi::CallbackInfo& info) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    throw SystemError(info.Env(), {errno, "socketpair", "", -1});
  auto pair = Napi::Array::New(info.Env(), 2);
  for (uint32_t i = 0; i < 2; ++i) pair.Set(i, Napi::Number::New(info.Env(), ends[i]));
  return pair;
}

// sendMessage(socket, bytes)
Napi::Value SendMessage(const Napi::CallbackInfo& info) {
  const auto bytes = info[1].As<Napi::Uint8Array>();
  if (::send(Number(info, 0), bytes.Data(), bytes.ByteLength(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    throw SystemError(info.Env(), {errno, "send", "", -1});
  return info.Env().Undefined();
}

// receiveMessage(socket) → { bytes, fd }, or null at the end
Napi::Value ReceiveMessage(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int socket = Number(info, 0);
  const auto deferred = Napi::Promise::Deferred::New(env);
  const auto take = [deferred, socket](Napi::Env at) {
    std::vector<char> bytes;
    Fd carried;
    const ssize_t got = Receive(socket, bytes, carried);
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return deferred.Resolve(at.Null()), false;
    Napi::Object message = Napi::Object::New(at);
    message.Set("bytes", Napi::Buffer<char>::Copy(at, bytes.data(), static_cast<size_t>(got)));
    message.Set("fd", carried.release());
    deferred.Resolve(message);
    return false;
  };
  if (!take(env)) return deferred.Promise();
  const int error = Watch::Start(env, socket, false, take);
  if (error != 0) deferred.Reject(SystemError(env, {error, "poll", "", -1}).Value());
  return deferred.Promise();
}

}  // namespace vz
