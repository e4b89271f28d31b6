// openat2(2) and removal, both without ever following a link.
#include "tree-path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace vz {

Split SplitPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

Fd OpenBeneath(int root, const std::string& path, unsigned long flags) {
  open_how how{};
  // Not O_NOFOLLOW: a link in the last place is to be ELOOP as well, not ENOTDIR (openat2(2)).
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return Fd{static_cast<int>(::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how))};
}

Fd MakeParents(int root, const std::string& path) {
  Fd found = OpenBeneath(root, path, O_PATH | O_DIRECTORY);
  if (found || errno != ENOENT) return found;
  const Split split = SplitPath(path);
  const std::string name(split.name);
  const Fd parent = MakeParents(root, std::string(split.parent));
  if (!parent || (::mkdirat(parent.get(), name.c_str(), 0755) < 0 && errno != EEXIST)) return Fd{};
  // mkdir(2) takes the umask into account; a directory that the archive does not name is an ordinary one.
  Fd made = OpenBeneath(parent.get(), name, O_RDONLY | O_DIRECTORY);
  if (made && ::fchmod(made.get(), 0755) < 0) return Fd{};
  return made;
}

namespace {

// Reads all names at once, so that depth costs memory for names rather than one descriptor a level.
int NamesIn(int parent, const std::string& name, Fd& self, std::vector<std::string>& names) {
  self = Fd{::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!self) return errno;
  const Directory directory{::fdopendir(::fcntl(self.get(), F_DUPFD_CLOEXEC, 0))};
  if (!directory) return errno;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) names.emplace_back(entry->d_name);
  }
  return 0;
}

}  // namespace

int RemoveEntry(int parent, const std::string& name) {
  if (::unlinkat(parent, name.c_str(), 0) == 0) return 0;
  // EISDIR, where POSIX has EPERM: it is a directory (unlink(2)).
  if (errno != EISDIR && errno != EPERM) return errno;
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) return 0;
  if (errno != ENOTEMPTY && errno != EEXIST) return errno;
  Fd self;
  std::vector<std::string> names;
  if (const int error = NamesIn(parent, name, self, names); error != 0) return error;
  for (const std::string& below : names) {
    if (const int error = RemoveEntry(self.get(), below); error != 0) return error;
  }
  return ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 ? 0 : errno;
}

}  // namespace vz
