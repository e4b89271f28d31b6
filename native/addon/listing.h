// A tree as a list of lines, in batches:
//
//   line   changed, file, device, type, mode, uid, gid, size, modified (separated by blanks), NUL, path, NUL
//
// Times are nanoseconds. file: DEVICE:INODE where it may have several names, device: MAJOR:MINOR of a device, else "-".
// Type, mode (octal) and size are as in a backup's list (src/backup/tree-index.ts). What lies deeper than the limits has
// "-" and its path alone, and nothing below it follows.
#pragma once
#include <sys/stat.h>

#include <cstddef>
#include <string>
#include <vector>

#include "error.h"

namespace vz {

struct ListingLimits {
  size_t pathLength, depth;
};

class Listing {
 public:
  // live: what goes meanwhile is left out.
  Listing(std::string root, bool live, ListingLimits limits) : root_(std::move(root)), live_(live), limits_(limits) {}
  // Nothing is open in between. Appends nothing at the end.
  Failure Next(std::string& out);

 private:
  struct Found {
    std::string name;
    struct stat info;
  };
  struct Frame {
    std::string prefix;
    std::vector<Found> found;
    size_t next;
  };
  bool IsPassing(int error) const;
  Failure Add(int root, const Found& found, const std::string& path, std::string& out);
  Failure Enter(int root, const std::string& path);

  const std::string root_;
  const bool live_;
  const ListingLimits limits_;
  bool begun_ = false;
  std::vector<Frame> frames_;
};

}  // namespace vz
