// Entries become files. Nothing here follows a link: parents are resolved by openat2(2) beneath the root, and the last
// component is only ever created, linked or removed.
#include "tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "tree-attributes.h"
#include "tree-path.h"

namespace vz {
namespace {

Failure Failed(int error, const char* syscall, const std::string& path) { return {error, syscall, path, -1}; }

bool IsName(std::string_view name) { return !name.empty() && name != "." && name != ".."; }

}  // namespace

Failure Tree::Add(std::string_view batch, const Memories& memories) {
  BatchReader reader(batch, memories);
  Entry entry;
  while (failure_.error == 0 && !reader.done())
    failure_ = reader.Next(entry) ? Put(entry) : Failed(EBADMSG, "unpack", "");
  return failure_;
}

Failure Tree::Put(const Entry& entry) {
  if (entry.kind == Kind::Data) return Write(entry.data);
  if (entry.kind == Kind::Hole) return Skip(entry.size);
  if (Failure failure = CloseFile(); failure.error != 0) return failure;
  switch (entry.kind) {
    case Kind::Directory:
      return PutDirectory(entry);
    case Kind::File:
      return PutFile(entry);
    case Kind::Link:
      return PutLink(entry);
    case Kind::Symlink:
    case Kind::Character:
    case Kind::Block:
    case Kind::Fifo:
      return PutNode(entry);
    case Kind::Gone:
      return Remove(entry);
    case Kind::Data:
    case Kind::Hole:
      break;
  }
  return Failed(EBADMSG, "unpack", entry.path);
}

// Opens the directory that holds `path`; -1 with errno.
int Tree::OpenParent(const std::string& path) {
  const Split split = SplitPath(path);
  if (!IsName(split.name)) {
    errno = EINVAL;
    return -1;
  }
  if (!parent_ || parentPath_ != split.parent) {
    parent_ = MakeParents(root_.get(), std::string(split.parent));
    parentPath_ = split.parent;
  }
  return parent_.get();
}

// Makes something whose name is to be new; what has the name goes first. `make` returns 0 or sets errno.
template <typename Make>
int Tree::Replace(const std::string& path, int parent, const std::string& name, Make make) {
  if (make() >= 0) return 0;
  if (errno != EEXIST) return errno;
  if (const int error = RemoveEntry(parent, name); error != 0) return error;
  // If that was a directory, nothing is known any more of what was in it.
  directories_.erase(path);
  directories_.erase(directories_.lower_bound(path + '/'), directories_.lower_bound(path + static_cast<char>('/' + 1)));
  return make() >= 0 ? 0 : errno;
}

Failure Tree::PutDirectory(const Entry& entry) {
  if (!entry.path.empty()) {
    const int parent = OpenParent(entry.path);
    if (parent < 0) return Failed(errno, "openat2", entry.path);
    const std::string name(SplitPath(entry.path).name);
    struct stat found;
    const bool exists = ::fstatat(parent, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(found.st_mode);
    const auto make = [&] { return ::mkdirat(parent, name.c_str(), 0700); };
    if (const int error = exists ? 0 : Replace(entry.path, parent, name, make); error != 0)
      return Failed(error, "mkdir", entry.path);
  }
  const auto [known, fresh] = directories_.try_emplace(entry.path, entry);
  const uint8_t flags = known->second.flags | entry.flags;
  if (!fresh && !(entry.flags & kImplied)) known->second = entry;
  known->second.flags = static_cast<uint8_t>((flags & kOpaque) | (known->second.flags & kImplied));
  return {};
}

Failure Tree::PutFile(const Entry& entry) {
  const int parent = OpenParent(entry.path);
  if (parent < 0) return Failed(errno, "openat2", entry.path);
  const std::string name(SplitPath(entry.path).name);
  // What is to be somebody else's is nobody's to read until it is theirs.
  const mode_t mode = entry.uid == 0 && entry.gid == 0 ? entry.mode & 0777 : 0600;
  const auto make = [&] {
    file_ = Fd{::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)};
    return file_.get();
  };
  if (const int error = Replace(entry.path, parent, name, make); error != 0) return Failed(error, "open", entry.path);
  fileEntry_ = entry;
  written_ = 0;
  endsInHole_ = false;
  return {};
}

Failure Tree::Write(std::string_view data) {
  if (!file_ || data.size() > fileEntry_.size - written_) return Failed(EBADMSG, "unpack", fileEntry_.path);
  if (const int error = WriteSparse(file_.get(), data, written_, endsInHole_); error != 0)
    return Failed(error, "write", fileEntry_.path);
  written_ += data.size();
  return {};
}

Failure Tree::Skip(uint64_t size) {
  if (!file_ || size > fileEntry_.size - written_) return Failed(EBADMSG, "unpack", fileEntry_.path);
  written_ += size;
  endsInHole_ = size > 0 || endsInHole_;
  return {};
}

Failure Tree::CloseFile() {
  if (!file_) return {};
  const Fd file = std::move(file_);
  if (written_ != fileEntry_.size) return Failed(EBADMSG, "unpack", fileEntry_.path);
  if (endsInHole_ && ::ftruncate(file.get(), static_cast<off_t>(fileEntry_.size)) < 0)
    return Failed(errno, "ftruncate", fileEntry_.path);
  return SetAttributes(file.get(), fileEntry_);
}

// linkat(2) without AT_SYMLINK_FOLLOW: a link to a symbolic link is one to itself.
Failure Tree::PutLink(const Entry& entry) {
  if (entry.link == entry.path) return {};
  const Split source = SplitPath(entry.link);
  if (!IsName(source.name)) return Failed(EINVAL, "link", entry.path);
  const Fd from = OpenBeneath(root_.get(), std::string(source.parent), O_PATH | O_DIRECTORY);
  if (!from) return Failed(errno, "openat2", entry.path);
  const int parent = OpenParent(entry.path);
  if (parent < 0) return Failed(errno, "openat2", entry.path);
  const std::string name(SplitPath(entry.path).name), target(source.name);
  const auto make = [&] { return ::linkat(from.get(), target.c_str(), parent, name.c_str(), 0); };
  const int error = Replace(entry.path, parent, name, make);
  return error == 0 ? Failure{} : Failed(error, "link", entry.path);
}

Failure Tree::PutNode(const Entry& entry) {
  const int parent = OpenParent(entry.path);
  if (parent < 0) return Failed(errno, "openat2", entry.path);
  const std::string name(SplitPath(entry.path).name);
  const auto type = entry.kind == Kind::Fifo ? S_IFIFO : entry.kind == Kind::Block ? S_IFBLK : S_IFCHR;
  const bool link = entry.kind == Kind::Symlink;
  const auto make = [&] {
    return link ? ::symlinkat(entry.link.c_str(), parent, name.c_str())
                : ::mknodat(parent, name.c_str(), type | 0600, ::makedev(entry.major, entry.minor));
  };
  if (const int error = Replace(entry.path, parent, name, make); error != 0)
    return Failed(error, link ? "symlink" : "mknod", entry.path);
  return SetNodeAttributes(parent, name, entry);
}

// Where its directory is gone as well there is nothing to do.
Failure Tree::Remove(const Entry& entry) {
  const Split split = SplitPath(entry.path);
  if (!IsName(split.name)) return Failed(EINVAL, "unlink", entry.path);
  const Fd parent = OpenBeneath(root_.get(), std::string(split.parent), O_RDONLY | O_DIRECTORY);
  if (!parent) return errno == ENOENT || errno == ENOTDIR ? Failure{} : Failed(errno, "openat2", entry.path);
  const int error = RemoveEntry(parent.get(), std::string(split.name));
  parent_ = Fd{};
  return error == 0 || error == ENOENT ? Failure{} : Failed(error, "unlink", entry.path);
}

Failure Tree::FinishDirectory(const Entry& entry) {
  if (entry.flags & kImplied && !(entry.flags & kOpaque)) return {};
  const Fd self = entry.path.empty() ? Fd{::openat(root_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)}
                                     : OpenBeneath(root_.get(), entry.path, O_RDONLY | O_DIRECTORY);
  if (!self) return Failed(errno, "openat2", entry.path);
  if (entry.flags & kOpaque) {
    if (Failure failure = SetOpaque(self.get(), entry.path); failure.error != 0) return failure;
  }
  return entry.flags & kImplied ? Failure{} : SetAttributes(self.get(), entry);
}

Failure Tree::Finish() {
  if (failure_.error != 0) return failure_;
  if (Failure failure = CloseFile(); failure.error != 0) return failure;
  parent_ = Fd{};
  // From the last name to the first: what is below comes before what it is in.
  for (auto at = directories_.rbegin(); at != directories_.rend(); ++at) {
    if (Failure failure = FinishDirectory(at->second); failure.error != 0) return failure;
  }
  directories_.clear();
  return {};
}

void Tree::Close() {
  file_ = Fd{};
  parent_ = Fd{};
  root_ = Fd{};
  if (failure_.error == 0) failure_ = Failed(EBADF, "unpack", "");
}

}  // namespace vz
