#include "put.h"
#include "tar.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace vz {
namespace {

// Beyond these it is not small.
constexpr int kMaxDepth = 64;
constexpr size_t kMaxPath = 4096, kMaxLinked = 1024;

// What getdents64(2) fills in.
struct Entry {
  uint64_t inode;
  int64_t next;
  uint16_t length;
  uint8_t kind;
  char name[256];
};

// A file with several names, under the first of them.
struct Linked {
  dev_t device;
  ino_t inode;
  const char* name;
};

Linked linked[kMaxLinked];
size_t links = 0;
// Of the entry at hand; a slash is behind a directory's.
char path[kMaxPath];

const Linked* FindLinked(const struct stat& info) {
  for (size_t i = 0; i < links; ++i)
    if (linked[i].inode == info.st_ino && linked[i].device == info.st_dev) return &linked[i];
  return nullptr;
}

char KindOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return kFile;
    case S_IFLNK: return kSymlink;
    case S_IFCHR: return kCharacter;
    case S_IFBLK: return kBlockDevice;
    case S_IFIFO: return kFifo;
    case S_IFDIR: return kDirectory;
    default: return 0;
  }
}

// A file that is neither growing, shrinking, nor sparse.
long PutContents(int directory, const char* name, const struct stat& info) {
  if (info.st_blocks * 512 < info.st_size) return -EFBIG;
  const auto size = static_cast<size_t>(info.st_size);
  uint8_t* data = Take(size);
  if (!data) return -EFBIG;
  const int fd = Open(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return fd;
  struct stat opened;
  long read = Syscall(SYS_fstat, fd, Ptr(&opened));
  const bool same = read >= 0 && opened.st_ino == info.st_ino && opened.st_size == info.st_size;
  if (same && size > 0) read = Syscall(SYS_read, fd, Ptr(data), static_cast<long>(size));
  char more;
  const bool whole = same && read == info.st_size && Syscall(SYS_read, fd, Ptr(&more), 1) == 0;
  Close(fd);
  return whole ? 0 : -EIO;
}

long PutEntry(int directory, const char* name, const struct stat& info, char kind) {
  const Linked* first = info.st_nlink > 1 ? FindLinked(info) : nullptr;
  if (first) return PutHeader(path, info, kHardLink, first->name, 0) ? 0 : -EFBIG;
  char target[kMaxPath];
  target[0] = 0;
  if (kind == kSymlink) {
    const long length = Syscall(SYS_readlinkat, directory, Ptr(name), Ptr(target), sizeof target);
    if (length < 0 || length == sizeof target) return -ENAMETOOLONG;
    target[length] = 0;
  }
  const char* put = PutHeader(path, info, kind, target, kind == kFile ? info.st_size : 0);
  if (!put) return -EFBIG;
  if (info.st_nlink > 1) {
    if (links == kMaxLinked) return -EFBIG;
    linked[links++] = {info.st_dev, info.st_ino, put};
  }
  return kind == kFile && info.st_size > 0 ? PutContents(directory, name, info) : 0;
}

// A directory and all in it. Its name is the first `length` bytes of `path`.
long PutTree(int fd, const struct stat& info, size_t length, int depth);

// One of what is in it.
long PutNamed(int directory, const struct stat& parent, const char* name, size_t length, int depth) {
  struct stat info;
  const long looked = Syscall(SYS_newfstatat, directory, Ptr(name), Ptr(&info), AT_SYMLINK_NOFOLLOW);
  if (looked < 0) return looked;
  const size_t end = length + Length(name);
  if (end + 2 > sizeof path) return -ENAMETOOLONG;
  memcpy(&path[length], name, end - length + 1);
  const char kind = KindOf(info.st_mode);
  // A socket: it is made again by whoever listens there.
  if (kind == 0) return 0;
  if (kind != kDirectory) return PutEntry(directory, name, info, kind);
  path[end] = '/';
  path[end + 1] = 0;
  // What is mounted there is another tree.
  if (info.st_dev != parent.st_dev) return PutHeader(path, info, kDirectory, "", 0) ? 0 : -EFBIG;
  const int fd = Open(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fd;
  const long put = PutTree(fd, info, end + 1, depth + 1);
  Close(fd);
  return put;
}

bool IsDots(const char* name) { return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])); }

long PutTree(int fd, const struct stat& info, size_t length, int depth) {
  if (depth > kMaxDepth) return -ELOOP;
  if (!PutHeader(path, info, kDirectory, "", 0)) return -EFBIG;
  alignas(Entry) char entries[8192];
  for (;;) {
    const long bytes = Syscall(SYS_getdents64, fd, Ptr(entries), sizeof entries);
    if (bytes <= 0) return bytes;
    for (long at = 0; at < bytes;) {
      const auto* entry = reinterpret_cast<const Entry*>(&entries[at]);
      at += entry->length;
      if (IsDots(entry->name)) continue;
      if (const long put = PutNamed(fd, info, entry->name, length, depth); put < 0) return put;
    }
  }
}

}  // namespace

long Create(const char* directory) {
  const int fd = Open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fd;
  struct stat info;
  if (const long looked = Syscall(SYS_fstat, fd, Ptr(&info)); looked < 0) return looked;
  path[0] = '.';
  path[1] = '/';
  if (const long put = PutTree(fd, info, 2, 0); put < 0) return put;
  return static_cast<long>(PutEnd());
}

}  // namespace vz
