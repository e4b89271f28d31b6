// A file system in an image while it is in use: reached by one more mount of the same device, which nobody sees.
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <climits>

#include "addon.h"
#include "promise.h"

namespace vz {
namespace {

constexpr unsigned long kResizeFs = _IOW('f', 16, uint64_t);  // EXT4_IOC_RESIZE_FS (fs/ext4/ext4.h)

// The root directory of the file system on `device`; on failure an errno.
int OpenFileSystem(const std::string& device, Fd& root) {
  const Fd fs{static_cast<int>(::syscall(SYS_fsopen, "ext4", FSOPEN_CLOEXEC))};
  if (!fs) return errno;
  if (::syscall(SYS_fsconfig, fs.get(), FSCONFIG_SET_STRING, "source", device.c_str(), 0) < 0) return errno;
  if (::syscall(SYS_fsconfig, fs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) return errno;
  const Fd mount{static_cast<int>(::syscall(SYS_fsmount, fs.get(), FSMOUNT_CLOEXEC, 0))};
  if (!mount) return errno;
  root = Fd{::openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  return root ? 0 : errno;
}

int Grow(const std::string& device, uint64_t blocks) {
  const Fd loop{::open(device.c_str(), O_RDWR | O_CLOEXEC)};
  if (!loop) return errno;
  if (::ioctl(loop.get(), LOOP_SET_CAPACITY, 0) < 0) return errno;
  Fd root;
  if (const int error = OpenFileSystem(device, root); error != 0) return error;
  return ::ioctl(root.get(), kResizeFs, &blocks) < 0 ? errno : 0;
}

}  // namespace

// growExt4(device, blocks): after its image has become longer
Napi::Value GrowExt4(const Napi::CallbackInfo& info) {
  bool lossless = true;
  const std::string device = info[0].As<Napi::String>();
  const uint64_t blocks = info[1].As<Napi::BigInt>().Uint64Value(&lossless);
  return InThread(info.Env(), "cella.grow", [device, blocks]() -> Outcome {
    return {{Grow(device, blocks), "ioctl", device, -1}};
  });
}

// trimExt4(device) → bytes that the image gave back to the host (fstrim(8))
Napi::Value TrimExt4(const Napi::CallbackInfo& info) {
  const std::string device = info[0].As<Napi::String>();
  return InThread(info.Env(), "cella.trim", [device]() -> Outcome {
    Fd root;
    if (const int error = OpenFileSystem(device, root); error != 0) return {{error, "mount", device, -1}};
    fstrim_range range{0, ULLONG_MAX, 0};
    if (::ioctl(root.get(), FITRIM, &range) < 0) return {{errno, "ioctl", device, -1}};
    const uint64_t bytes = range.len;
    return {{}, [bytes](Napi::Env env) { return Napi::BigInt::New(env, bytes); }};
  });
}

}  // namespace vz
