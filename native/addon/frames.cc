// Frames on an interface of this host, as they are on the wire (packet(7)): ARP and neighbour discovery.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <vector>

#include "addon.h"
#include "namespace.h"
#include "promise.h"

namespace vz {
namespace {

using Bytes = std::vector<uint8_t>;
using Clock = std::chrono::steady_clock;

struct Talk {
  int index, protocol, wait;
  std::vector<Bytes> frames, heard;
};

int Listen(int socket, Talk& talk) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(talk.wait);
  // Nobody's flood fills our memory.
  constexpr size_t kMost = 4096;
  while (talk.heard.size() < kMost) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return 0;
    pollfd readable{socket, POLLIN, 0};
    if (::poll(&readable, 1, static_cast<int>(left)) < 0 && errno != EINTR) return errno;
    if (!(readable.revents & POLLIN)) continue;
    uint8_t frame[2048];
    sockaddr_ll from{};
    socklen_t length = sizeof from;
    const ssize_t got = ::recvfrom(socket, frame, sizeof frame, 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (got < 0 && errno != EINTR && errno != EAGAIN) return errno;
    // What went out comes by as well.
    if (got > 0 && from.sll_pkttype != PACKET_OUTGOING) talk.heard.emplace_back(frame, frame + got);
  }
  return 0;
}

Failure Do(Talk& talk) {
  const int protocol = htons(static_cast<uint16_t>(talk.protocol));
  const Fd socket = SocketIn(-1, AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, talk.wait > 0 ? protocol : 0);
  if (!socket) return {errno, "socket", "", -1};
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = talk.wait > 0 ? static_cast<uint16_t>(protocol) : 0;
  at.sll_ifindex = talk.index;
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) < 0) return {errno, "bind", "", -1};
  for (const Bytes& frame : talk.frames)
    if (::send(socket.get(), frame.data(), frame.size(), 0) < 0) return {errno, "send", "", -1};
  return {Listen(socket.get(), talk), "recv", "", -1};
}

Napi::Value Heard(Napi::Env env, const Talk& talk) {
  Napi::Array heard = Napi::Array::New(env, talk.heard.size());
  for (uint32_t i = 0; i < talk.heard.size(); ++i)
    heard[i] = Napi::Buffer<uint8_t>::Copy(env, talk.heard[i].data(), talk.heard[i].size());
  return heard;
}

}  // namespace

// exchangeFrames(index, protocol, frames, wait) → the frames of that protocol that came within `wait` milliseconds.
Napi::Value ExchangeFrames(const Napi::CallbackInfo& info) {
  auto talk = std::make_shared<Talk>();
  talk->index = info[0].As<Napi::Number>().Int32Value();
  talk->protocol = info[1].As<Napi::Number>().Int32Value();
  const auto frames = info[2].As<Napi::Array>();
  for (uint32_t i = 0; i < frames.Length(); ++i) {
    const auto bytes = frames.Get(i).As<Napi::Uint8Array>();
    talk->frames.emplace_back(bytes.Data(), bytes.Data() + bytes.ByteLength());
  }
  talk->wait = info[3].As<Napi::Number>().Int32Value();
  return InThread(info.Env(), "cella.frames", [talk] {
    const Failure failure = Do(*talk);
    return Outcome{failure, [talk](Napi::Env env) { return Heard(env, *talk); }};
  });
}

}  // namespace vz
