// Talking to CRIU: messages of any length over a pair of sockets of packets (its swrk mode, unix(7)).
#include <sys/socket.h>

#include <cerrno>

#include "addon.h"
#include "error.h"
#include "packets.h"

namespace vz {

// Two sockets: a program gets the second, without O_CLOEXEC as far as it is concerned.
static Napi::Value SocketPair(const Napi::CallbackInfo& info, int type) {
  int ends[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0)
    throw SystemError(info.Env(), {errno, "socketpair", "", -1});
  auto pair = Napi::Array::New(info.Env(), 2);
  for (uint32_t i = 0; i < 2; ++i) pair.Set(i, Napi::Number::New(info.Env(), ends[i]));
  return pair;
}

// messagePair() → [ours, theirs]
Napi::Value MessagePair(const Napi::CallbackInfo& info) { return SocketPair(info, SOCK_SEQPACKET); }

// streamPair() → [ours, theirs]
Napi::Value StreamPair(const Napi::CallbackInfo& info) { return SocketPair(info, SOCK_STREAM); }

// sendMessage(socket, bytes)
Napi::Value SendMessage(const Napi::CallbackInfo& info) {
  const auto bytes = info[1].As<Napi::Uint8Array>();
  if (::send(Number(info, 0), bytes.Data(), bytes.ByteLength(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    throw SystemError(info.Env(), {errno, "send", "", -1});
  return info.Env().Undefined();
}

// receiveMessage(socket) → { bytes, fd }, or null at the end
Napi::Value ReceiveMessage(const Napi::CallbackInfo& info) {
  const int socket = Number(info, 0);
  return NextPacket(info.Env(), socket, false, [socket](Napi::Env env, Napi::Object& message) {
    const ssize_t size = NextSize(socket);
    if (size <= 0) return size;
    const auto bytes = Napi::Buffer<char>::New(env, static_cast<size_t>(size));
    Fd carried;
    const ssize_t got = ReceivePart(socket, bytes.Data(), bytes.ByteLength(), carried);
    if (got <= 0) return got;
    message.Set("bytes", bytes);
    message.Set("fd", carried.release());
    return got;
  });
}

}  // namespace vz
