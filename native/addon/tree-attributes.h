// Owners, modes, times and extended attributes of what an archive holds, and data with holes.
#pragma once
#include <string>
#include <string_view>

#include "error.h"
#include "tree-batch.h"

namespace vz {

// Of an open file or directory.
Failure SetAttributes(int fd, const Entry& entry);
// Of a symbolic link, device or fifo, which is never opened.
Failure SetNodeAttributes(int parent, const std::string& name, const Entry& entry);
// What overlayfs takes for "nothing from the layers below".
Failure SetOpaque(int fd, const std::string& path);

// Writes at `offset` what is not zero, block by block; says whether the end of it was left out. 0 or an errno.
int WriteSparse(int fd, std::string_view data, uint64_t offset, bool& endsInHole);

}  // namespace vz
