// Adds to the archive that is being made, where there is room.
#pragma once
#include "header.h"

#include <sys/stat.h>

namespace vz {

// Room for contents, zeros as yet; null: there is none.
uint8_t* Take(size_t size);

// An entry, all but its contents; its name as it is in the archive. Null: no room.
const char* PutHeader(const char* path, const struct stat& info, char kind, const char* link, off_t size);

// The length of it all.
size_t PutEnd();

}  // namespace vz
