// Attributes, in the order in which none undoes another: an owner's change clears setuid bits and capabilities
// (chown(2)), and any change sets times.
#include "tree-attributes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vz {
namespace {

constexpr size_t kBlock = 4096;

Failure Failed(const char* syscall, const std::string& path) { return {errno, syscall, path, -1}; }

timespec ModifiedOf(const Entry& entry) {
  timespec time{};
  time.tv_sec = static_cast<time_t>(entry.seconds);
  time.tv_nsec = static_cast<long>(entry.nanoseconds);
  return time;
}

// What an archive may bring along. trusted.* is how overlayfs keeps its books: an archive must not write there.
bool IsAllowed(std::string_view name) {
  return name == "security.capability" || name == "system.posix_acl_access" || name == "system.posix_acl_default" ||
         name.substr(0, 5) == "user.";
}

Failure SetXattrs(int fd, const Entry& entry) {
  for (const auto& [name, value] : entry.xattrs) {
    if (!IsAllowed(name)) return {EPERM, "setxattr", entry.path, -1};
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) continue;
    // Not every file system has room for remarks of users; none of what makes a system work is among them.
    if (errno == ENOTSUP && name.substr(0, 5) == "user.") continue;
    return Failed("setxattr", entry.path);
  }
  return {};
}

// Of a directory that was there before, or has inherited some.
Failure DropOtherXattrs(int fd, const Entry& entry) {
  char names[4096];
  // More than that nobody would miss.
  const ssize_t size = ::flistxattr(fd, names, sizeof names);
  for (ssize_t at = 0; at < size; at += static_cast<ssize_t>(std::strlen(names + at)) + 1) {
    const std::string_view name(names + at);
    const auto isIt = [name](const auto& xattr) { return xattr.first == name; };
    if (!IsAllowed(name) || std::any_of(entry.xattrs.begin(), entry.xattrs.end(), isIt)) continue;
    if (::fremovexattr(fd, names + at) < 0 && errno != ENODATA) return Failed("removexattr", entry.path);
  }
  return {};
}

bool IsZero(const char* bytes, size_t size) {
  return bytes[0] == 0 && std::memcmp(bytes, bytes + 1, size - 1) == 0;
}

int WriteAt(int fd, const char* bytes, size_t size, uint64_t offset) {
  while (size > 0) {
    const ssize_t wrote = ::pwrite(fd, bytes, size, static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno;
    bytes += wrote;
    offset += static_cast<uint64_t>(wrote);
    size -= static_cast<size_t>(wrote);
  }
  return 0;
}

}  // namespace

Failure SetAttributes(int fd, const Entry& entry) {
  // Most are as they should be, and to look costs far less than a change in a journal.
  struct stat now;
  if (::fstat(fd, &now) < 0) return Failed("fstat", entry.path);
  const bool theirs = now.st_uid == entry.uid && now.st_gid == entry.gid;
  if (!theirs && ::fchown(fd, entry.uid, entry.gid) < 0) return Failed("fchown", entry.path);
  const bool asIs = theirs && (now.st_mode & 07777) == (entry.mode & 07777);
  if (!asIs && ::fchmod(fd, entry.mode & 07777) < 0) return Failed("fchmod", entry.path);
  if (S_ISDIR(now.st_mode)) {
    if (Failure failure = DropOtherXattrs(fd, entry); failure.error != 0) return failure;
  }
  if (Failure failure = SetXattrs(fd, entry); failure.error != 0) return failure;
  const timespec times[2] = {ModifiedOf(entry), ModifiedOf(entry)};
  if (::futimens(fd, times) < 0) return Failed("futimens", entry.path);
  return {};
}

Failure SetNodeAttributes(int parent, const std::string& name, const Entry& entry) {
  if (::fchownat(parent, name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) < 0)
    return Failed("fchown", entry.path);
  if (entry.kind != Kind::Symlink && ::fchmodat(parent, name.c_str(), entry.mode & 07777, AT_SYMLINK_NOFOLLOW) < 0)
    return Failed("fchmod", entry.path);
  const timespec times[2] = {ModifiedOf(entry), ModifiedOf(entry)};
  if (::utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0) return Failed("utimensat", entry.path);
  return {};
}

Failure SetOpaque(int fd, const std::string& path) {
  if (::fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0) return Failed("setxattr", path);
  return {};
}

int WriteSparse(int fd, std::string_view data, uint64_t offset, bool& endsInHole) {
  size_t begin = 0;  // of what is to be written
  size_t at = 0;
  while (at < data.size()) {
    const size_t size = std::min<size_t>(kBlock - (offset + at) % kBlock, data.size() - at);
    const bool hole = size == kBlock && IsZero(data.data() + at, size);
    if (hole) {
      if (const int error = WriteAt(fd, data.data() + begin, at - begin, offset + begin); error != 0) return error;
      begin = at + size;
    }
    at += size;
    endsInHole = hole;
  }
  return WriteAt(fd, data.data() + begin, at - begin, offset + begin);
}

}  // namespace vz
