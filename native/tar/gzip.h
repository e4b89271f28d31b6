// A gzip file (RFC 1952) that marks itself as ours, whose data is stored as it is: to compress it would take longer than
// to write it.
#pragma once
#include "../core/syscall.h"

namespace vz {

// Writes `data` from where the file is now.
long WriteGzip(int fd, const uint8_t* data, size_t size);

enum class Gzip { Foreign, Broken, Whole };

// Reads one of ours from where the file is now, and leaves it there.
Gzip ReadGzip(int fd, uint8_t* data, size_t capacity, size_t& size);

}  // namespace vz
