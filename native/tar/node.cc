#include "node.h"

#include "../core/beneath.h"
#include "header.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace vz {
namespace {

// A name without a slash in it, in a directory that is open.
struct Place {
  int directory;
  const char* name;
};

long SetTime(const Place& place, int64_t mtime) {
  const timespec times[] = {{0, UTIME_OMIT}, {mtime, 0}};
  return Syscall(SYS_utimensat, place.directory, Ptr(place.name), Ptr(times), AT_SYMLINK_NOFOLLOW);
}

long Own(const Place& place, const Node& node) {
  return Syscall(SYS_fchownat, place.directory, Ptr(place.name), node.uid, node.gid, AT_SYMLINK_NOFOLLOW);
}

// A new owner takes bits of the mode away.
long Dress(int fd, const Node& node) {
  long done = Syscall(SYS_fchown, fd, node.uid, node.gid);
  if (done >= 0) done = Syscall(SYS_fchmod, fd, node.mode);
  const timespec times[] = {{0, UTIME_OMIT}, {node.mtime, 0}};
  if (done >= 0) done = Syscall(SYS_utimensat, fd, 0, Ptr(times), 0);
  return done;
}

long MakeFile(const Place& place, const Node& node) {
  const int fd = Open(place.directory, place.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return fd;
  long done = 0;
  for (int64_t at = 0; at < node.size && done >= 0; at += done) {
    done = Syscall(SYS_write, fd, Ptr(node.data + at), node.size - at);
    if (done == 0) done = -EIO;
  }
  if (done >= 0) done = Dress(fd, node);
  Close(fd);
  return done;
}

long MakeSymlink(const Place& place, const Node& node) {
  long done = Syscall(SYS_symlinkat, Ptr(node.link), place.directory, Ptr(place.name));
  if (done >= 0) done = Own(place, node);
  return done < 0 ? done : SetTime(place, node.mtime);
}

long MakeDevice(const Place& place, const Node& node) {
  const long type = node.kind == kFifo ? S_IFIFO : node.kind == kCharacter ? S_IFCHR : S_IFBLK;
  // As the kernel has them (new_encode_dev in include/linux/kdev_t.h).
  const long device = (node.minor & 0xff) | node.major << 8 | (node.minor & ~0xffL) << 12;
  long done = Syscall(SYS_mknodat, place.directory, Ptr(place.name), type | 0600, device);
  if (done >= 0) done = Own(place, node);
  // No symbolic link: it has just been made.
  if (done >= 0) done = Syscall(SYS_fchmodat, place.directory, Ptr(place.name), node.mode);
  return done < 0 ? done : SetTime(place, node.mtime);
}

long MakeHardLink(int root, const Place& place, const Node& node) {
  const char* name;
  const int from = ParentBeneath(root, node.link, name);
  if (from < 0) return from;
  const long done = Syscall(SYS_linkat, from, Ptr(name), place.directory, Ptr(place.name), 0);
  Close(from);
  return done;
}

long MakeDirectory(const Place& place, const Node& node) {
  long done = Syscall(SYS_mkdirat, place.directory, Ptr(place.name), 0700);
  if (done == -EEXIST) {
    struct stat info;
    const long flags = AT_SYMLINK_NOFOLLOW;
    const long looked = Syscall(SYS_newfstatat, place.directory, Ptr(place.name), Ptr(&info), flags);
    if (looked >= 0 && S_ISDIR(info.st_mode)) done = 0;
  }
  return done < 0 ? done : Own(place, node);
}

long MakeAt(int root, const Place& place, const Node& node) {
  switch (node.kind) {
    case kFile: return MakeFile(place, node);
    case kHardLink: return MakeHardLink(root, place, node);
    case kSymlink: return MakeSymlink(place, node);
    case kDirectory: return MakeDirectory(place, node);
    default: return MakeDevice(place, node);
  }
}

}  // namespace

long Make(int root, const Node& node) {
  Place place;
  place.directory = ParentBeneath(root, node.name, place.name);
  if (place.directory < 0) return place.directory;
  long done = MakeAt(root, place, node);
  if (done == -EEXIST) {
    done = Syscall(SYS_unlinkat, place.directory, Ptr(place.name), 0);
    if (done >= 0) done = MakeAt(root, place, node);
  }
  Close(place.directory);
  return done;
}

long FinishDirectory(int root, const Node& node) {
  const int fd = Beneath(root, node.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (fd < 0) return fd;
  const long done = Dress(fd, node);
  Close(fd);
  return done;
}

}  // namespace vz
