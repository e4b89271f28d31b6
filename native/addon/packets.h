// Records and descriptors over sockets of packets.
#pragma once
#include <sys/types.h>

#include "../core/protocol.h"
#include "fd.h"

namespace vz {

// With at most three descriptors. Returns 0 or an errno.
int SendPacket(int socket, const Record& record, const int* fds, size_t count);

// Receives one record with at most one descriptor. 0 at end of file, -1 with errno on error.
ssize_t ReceiveRecord(int socket, Record& record, Fd& carried);

}  // namespace vz
