// Sockets of other network namespaces.
#pragma once
#include <napi.h>

#include "fd.h"

namespace vz {

// Made by a thread of ours that goes there and comes back; `space` -1: our own. None on failure, with errno.
Fd SocketIn(int space, int family, int type, int protocol);

// A copy of a descriptor that JavaScript names, so that it may close its own; none for a negative one.
Fd CopyFd(const Napi::Value& value);

}  // namespace vz
