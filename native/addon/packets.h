// Records and descriptors over sockets of packets.
#pragma once
#include <napi.h>
#include <sys/types.h>

#include <functional>

#include "../core/protocol.h"
#include "fd.h"

namespace vz {

// With at most three descriptors. Returns 0 or an errno.
int SendPacket(int socket, const Record& record, const int* fds, size_t count);

// One packet into `bytes`, with at most one descriptor, without waiting. 0 at end of file, -1 with errno on error.
ssize_t ReceivePart(int socket, void* bytes, size_t size, Fd& carried);

// Bytes of the packet that comes next; else as above.
ssize_t NextSize(int socket);

// Settles with what `take` makes of the next packet, whose result is that of the above; null at the end. In the
// background it does not keep the process alive.
using Take = std::function<ssize_t(Napi::Env env, Napi::Object& packet)>;
Napi::Value NextPacket(Napi::Env env, int socket, bool background, Take take);

// The same of one record.
ssize_t ReceiveRecord(int socket, Record& record, Fd& carried);

}  // namespace vz
