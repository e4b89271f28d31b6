// Names beneath one directory, resolved so that nothing in an archive can lead out of it.
#pragma once
#include <dirent.h>

#include <memory>
#include <string>
#include <string_view>

#include "fd.h"

namespace vz {

// A path beneath the root, as its last component and what comes before it. "" is the root itself.
struct Split {
  std::string_view parent, name;
};
Split SplitPath(std::string_view path);

// A directory that is being read, with an owner.
struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

// openat2(2) beneath `root`, through no link of any kind and no other mount. Without a descriptor errno tells why.
Fd OpenBeneath(int root, const std::string& path, unsigned long flags);

// A directory beneath the root; what is missing on the way to it is made, for root alone until told otherwise.
Fd MakeParents(int root, const std::string& path);

// Takes away whatever `name` is, with all that is below it; follows nothing. 0 or an errno.
int RemoveEntry(int parent, const std::string& name);

}  // namespace vz
