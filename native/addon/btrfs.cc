// Subvolumes and their quota groups (linux/btrfs.h; btrfs-ioctl(2)).
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>

#include "addon.h"
#include "error.h"

namespace vz {
namespace {

std::string Text(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::String>(); }

Fd OpenDirectory(Napi::Env env, const std::string& path) {
  Fd fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd) throw SystemError(env, {errno, "open", path, -1});
  return fd;
}

void Call(Napi::Env env, const Fd& fd, unsigned long request, void* argument, const std::string& path) {
  if (::ioctl(fd.get(), request, argument) < 0) throw SystemError(env, {errno, "ioctl", path, -1});
}

template <typename Arguments>
void SetName(Napi::Env env, Arguments& arguments, const std::string& name) {
  if (name.size() >= sizeof arguments.name) throw SystemError(env, {ENAMETOOLONG, "ioctl", name, -1});
  std::memcpy(arguments.name, name.c_str(), name.size() + 1);
}

}  // namespace

// isBtrfs(directory)
Napi::Value IsBtrfs(const Napi::CallbackInfo& info) {
  struct statfs fs {};
  const std::string path = Text(info, 0);
  if (::statfs(path.c_str(), &fs) < 0) throw SystemError(info.Env(), {errno, "statfs", path, -1});
  return Napi::Boolean::New(info.Env(), fs.f_type == BTRFS_SUPER_MAGIC);
}

// createSubvolume(directory, name)
Napi::Value CreateSubvolume(const Napi::CallbackInfo& info) {
  const Fd fd = OpenDirectory(info.Env(), Text(info, 0));
  btrfs_ioctl_vol_args_v2 arguments{};
  SetName(info.Env(), arguments, Text(info, 1));
  Call(info.Env(), fd, BTRFS_IOC_SUBVOL_CREATE_V2, &arguments, Text(info, 0) + "/" + Text(info, 1));
  return info.Env().Undefined();
}

// snapshotSubvolume(source, directory, name, readOnly)
Napi::Value SnapshotSubvolume(const Napi::CallbackInfo& info) {
  const Fd source = OpenDirectory(info.Env(), Text(info, 0));
  const Fd fd = OpenDirectory(info.Env(), Text(info, 1));
  btrfs_ioctl_vol_args_v2 arguments{};
  arguments.fd = source.get();
  if (info[3].ToBoolean()) arguments.flags |= BTRFS_SUBVOL_RDONLY;
  SetName(info.Env(), arguments, Text(info, 2));
  Call(info.Env(), fd, BTRFS_IOC_SNAP_CREATE_V2, &arguments, Text(info, 1) + "/" + Text(info, 2));
  return info.Env().Undefined();
}

// deleteSubvolume(directory, name)
Napi::Value DeleteSubvolume(const Napi::CallbackInfo& info) {
  const Fd fd = OpenDirectory(info.Env(), Text(info, 0));
  btrfs_ioctl_vol_args arguments{};
  SetName(info.Env(), arguments, Text(info, 1));
  Call(info.Env(), fd, BTRFS_IOC_SNAP_DESTROY, &arguments, Text(info, 0) + "/" + Text(info, 1));
  return info.Env().Undefined();
}

// limitSubvolume(directory, bytes): 0n for none; switches quotas on where they are off
Napi::Value LimitSubvolume(const Napi::CallbackInfo& info) {
  bool lossless = true;
  const Fd fd = OpenDirectory(info.Env(), Text(info, 0));
  btrfs_ioctl_quota_ctl_args control{};
  control.cmd = BTRFS_QUOTA_CTL_ENABLE;
  Call(info.Env(), fd, BTRFS_IOC_QUOTA_CTL, &control, Text(info, 0));
  btrfs_ioctl_qgroup_limit_args limit{};  // qgroupid 0: of the subvolume that fd is in
  limit.lim.flags = BTRFS_QGROUP_LIMIT_MAX_RFER;
  limit.lim.max_rfer = info[1].As<Napi::BigInt>().Uint64Value(&lossless);
  if (limit.lim.max_rfer == 0) limit.lim.max_rfer = ~0ull;
  Call(info.Env(), fd, BTRFS_IOC_QGROUP_LIMIT, &limit, Text(info, 0));
  return info.Env().Undefined();
}

}  // namespace vz
