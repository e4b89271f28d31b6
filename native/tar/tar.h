// tar for what CRIU has of it done: the small tmpfs of a container that stands still meanwhile. Anything else is the real
// tar's, which is run in its place before anything has been read, written or made. So both take the same archives.
#pragma once
#include "../core/syscall.h"

namespace vz {

constexpr size_t kMaxArchive = 1 << 20;

// The archive that is made or read.
extern uint8_t archive[kMaxArchive];

// Puts the tree at `directory` into `archive`; its length, or -errno where it is better left to the real tar.
long Create(const char* directory);

// Makes what the first `size` bytes of `archive` say, below `directory`. Does not return if it cannot.
void Extract(const char* directory, size_t size);

// Says what has failed, and ends. The subject may be a name of an archive.
[[noreturn]] void Fail(const char* subject, const char* what, long result);

}  // namespace vz
