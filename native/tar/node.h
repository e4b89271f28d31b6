// What an entry of an archive becomes.
#pragma once
#include "../core/syscall.h"

namespace vz {

struct Node {
  // Begins with "./"; checked.
  const char* name;
  const char* link;
  const uint8_t* data;
  int64_t size, mode, uid, gid, mtime, major, minor;
  char kind;
};

// Makes it, in the place of what is there, and gives it all that it has; a directory gets an owner only.
long Make(int root, const Node& node);

// The rest, once all that is in the directory is there.
long FinishDirectory(int root, const Node& node);

}  // namespace vz
