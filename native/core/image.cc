// The private area in a disk image: a loop device that lets go of itself, and its file system as a detached mount.
//
// Nothing of it shows in the host's mount table. The overlay on it holds the file system, the file system the device,
// and the device the image: when the container's root goes, all of it goes, whoever was killed in between.
#include "state.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <linux/stat.h>
#include <sys/file.h>

namespace vz {
namespace {

constexpr int kAttempts = 64;
constexpr uint32_t kBlockSize = 4096;

// Two devices on one image would destroy it. The lock belongs to the open file, which the device keeps: it lasts as long
// as the device does, and that may be a moment longer than the container.
long Lock(int image) {
  long result = Syscall(SYS_flock, image, LOCK_EX | LOCK_NB);
  for (int i = 0; i < 1000 && result == -EAGAIN; ++i) {
    Pause(2);
    result = Syscall(SYS_flock, image, LOCK_EX | LOCK_NB);
  }
  return result == -EAGAIN ? -EBUSY : result;
}

// Somebody else may take the free device between the question and the answer (EBUSY). ENXIO: there is none to be
// had, or none that has a node, where /dev is not the kernel's own.
long AttachLoop(int image, char* path, int& device) {
  const int control = Open(AT_FDCWD, "/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) return -ENXIO;
  long result = -EBUSY;
  for (int i = 0; i < kAttempts && result == -EBUSY; ++i) {
    const long number = Syscall(SYS_ioctl, control, LOOP_CTL_GET_FREE);
    if (number < 0) { result = -ENXIO; break; }
    PutNumber(PutText(path, "/dev/loop"), static_cast<uint32_t>(number));
    device = Open(AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (device < 0) { result = -ENXIO; break; }
    loop_config config{};
    config.fd = static_cast<uint32_t>(image);
    config.block_size = kBlockSize;
    // Past the page cache where the host's file system can: its pages would be there twice.
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
    result = Syscall(SYS_ioctl, device, LOOP_CONFIGURE, Ptr(&config));
    if (result < 0) Close(device);
  }
  Close(control);
  return result == -EBUSY ? -ENXIO : result;
}

// `op`: behind the image and its device are options.
int MountDevice(const char* device, const Op& op) {
  const int fs = static_cast<int>(Syscall(SYS_fsopen, Ptr("ext4"), FSOPEN_CLOEXEC));
  if (fs < 0) return fs;
  long result = Syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, Ptr("source"), Ptr(device), 0);
  if (result >= 0) result = SetOptions(fs, op, 2);
  if (result >= 0) result = Syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (result >= 0)
    result = Syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME);
  Close(fs);
  return static_cast<int>(result);
}

// As the loop device tells the one that its file lies on (linux/kdev_t.h, huge_encode_dev).
uint64_t DeviceNumber(uint64_t major, uint64_t minor) {
  return (minor & 0xff) | (major << 8) | ((minor & ~0xffull) << 12);
}

// Opens the device where it still has the image: being open, it keeps it.
int OpenWithImage(const char* path, int image) {
  struct statx info;
  if (Syscall(SYS_statx, image, Ptr(""), AT_EMPTY_PATH, STATX_INO, Ptr(&info)) < 0) return -1;
  const int device = Open(AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (device < 0) return device;
  loop_info64 loop{};
  const bool same = Syscall(SYS_ioctl, device, LOOP_GET_STATUS64, Ptr(&loop)) >= 0 &&
                    loop.lo_inode == info.stx_ino &&
                    loop.lo_device == DeviceNumber(info.stx_dev_major, info.stx_dev_minor);
  if (same) return device;
  Close(device);
  return -1;
}

}  // namespace

// One image has one device: what is mounted from it a second time is the same file system.
long Image(State& state, const Op& op) {
  const int image = Open(AT_FDCWD, Text(op, 0), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (image < 0) return image;
  if (const char* known = Text(op, 1); *known) {
    if (const int device = OpenWithImage(known, image); device >= 0) {
      Close(image);
      state.area = MountDevice(known, op);
      Close(device);
      return state.area < 0 ? state.area : 0;
    }
  }
  if (const long locked = Lock(image); locked < 0) return locked;
  char path[32];
  int device = -1;
  const long attached = AttachLoop(image, path, device);
  Close(image);
  if (attached < 0) return attached;
  state.area = MountDevice(path, op);
  Close(device);
  return state.area < 0 ? state.area : 0;
}

}  // namespace vz
