// Whether a file system can be seen with other ids (mount_setattr(2)), tried on a mount that is nowhere.
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "addon.h"
#include "error.h"

namespace vz {

// tryIdmap(directory, namespace)
Napi::Value TryIdmap(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>(), space = info[1].As<Napi::String>();
  const Fd users{::open(space.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!users) throw SystemError(info.Env(), {errno, "open", space, -1});
  // Detached: it goes with its descriptor.
  const Fd tree{static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW))};
  if (!tree) throw SystemError(info.Env(), {errno, "open_tree", path, -1});
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<decltype(attributes.userns_fd)>(users.get());
  if (::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
    throw SystemError(info.Env(), {errno, "mount_setattr", path, -1});
  return info.Env().Undefined();
}

}  // namespace vz
