// Files of a guest, read and replaced by the host: nothing that the guest puts in their place leads out of its root,
// keeps us waiting, or is written into.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include "addon.h"
#include "promise.h"
#include "tree-path.h"

namespace vz {
namespace {

struct Owner {
  uid_t uid;
  gid_t gid;
};

// Makes files as the container's root for as long as it lives: to a user outside the id map the file system makes none
// (EOVERFLOW). The capabilities stay, which changing fsuid would drop. All of it is the calling thread's alone.
class ActAs {
 public:
  explicit ActAs(Owner owner) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    const bool known = ::syscall(SYS_capget, &header, data) == 0;
    ::syscall(SYS_setfsgid, owner.gid);
    ::syscall(SYS_setfsuid, owner.uid);
    if (known) ::syscall(SYS_capset, &header, data);
  }
  ~ActAs() {
    ::syscall(SYS_setfsuid, 0);
    ::syscall(SYS_setfsgid, 0);
  }
  ActAs(const ActAs&) = delete;
  ActAs& operator=(const ActAs&) = delete;
};

struct Contents {
  std::string text;
  struct stat info {};
};

struct Replacement {
  std::string root, path, text;
  Owner owner;   // root of the container, in ids of the host
  mode_t mode;   // of a file that was not there
};

Failure Failed(int error, const char* syscall, const std::string& path) { return {error, syscall, path, -1}; }

Fd OpenRoot(const std::string& path) {
  return Fd{::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
}

// A link means what it would mean to the guest; a mount on the way is not gone through: it may never answer.
Fd Find(int root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  // EAGAIN: somebody renamed something meanwhile (openat2(2)).
  for (int attempt = 0;; ++attempt) {
    const long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    if (fd >= 0 || errno != EAGAIN || attempt == 100) return Fd{static_cast<int>(fd)};
  }
}

Failure Read(const std::string& rootPath, const std::string& path, size_t limit, Contents& found) {
  const Fd root = OpenRoot(rootPath);
  if (!root) return Failed(errno, "open", rootPath);
  const Fd place = Find(root.get(), path);
  if (!place) return Failed(errno, "openat2", path);
  if (::fstat(place.get(), &found.info) < 0) return Failed(errno, "fstat", path);
  if (S_ISDIR(found.info.st_mode)) return Failed(EISDIR, "read", path);
  if (!S_ISREG(found.info.st_mode)) return Failed(ENODEV, "read", path);
  char name[32];
  std::snprintf(name, sizeof name, "/proc/self/fd/%d", place.get());
  // Without waiting for whoever has a lease on it (fcntl(2), F_SETLEASE).
  const Fd file{::open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  if (!file) return Failed(errno, "open", path);
  found.text.resize(limit + 1);
  size_t size = 0;
  for (ssize_t got = 1; got > 0 && size <= limit; size += static_cast<size_t>(got)) {
    got = ::read(file.get(), found.text.data() + size, found.text.size() - size);
    if (got < 0) return Failed(errno, "read", path);
  }
  if (size > limit) return Failed(EFBIG, "read", path);
  found.text.resize(size);
  return {};
}

// The name is ours: what a killed one left there goes. 0 or an errno.
int MakeTemporary(int parent, const std::string& name, Fd& file) {
  if (::unlinkat(parent, name.c_str(), 0) < 0 && errno != ENOENT && errno != EISDIR) return errno;
  file = Fd{::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  return file ? 0 : errno;
}

int WriteAll(int file, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t wrote = ::write(file, text.data() + done, text.size() - done);
    if (wrote < 0 && errno != EINTR) return errno;
    if (wrote > 0) done += static_cast<size_t>(wrote);
  }
  return 0;
}

// A new file takes the name, whatever had it but a directory; other names of an old file keep that.
int PutInPlace(const Replacement& wanted, int parent, const std::string& name, const std::string& temporary) {
  struct stat old {};
  const bool exists = ::fstatat(parent, name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0;
  if (!exists && errno != ENOENT) return errno;
  if (exists && S_ISDIR(old.st_mode)) return EISDIR;
  const bool keeps = exists && S_ISREG(old.st_mode);
  Fd file;
  {
    const ActAs root(wanted.owner);
    if (const int error = MakeTemporary(parent, temporary, file); error != 0) return error;
  }
  if (const int error = WriteAll(file.get(), wanted.text); error != 0) return error;
  if (keeps && ::fchown(file.get(), old.st_uid, old.st_gid) < 0) return errno;
  if (::fchmod(file.get(), keeps ? old.st_mode & 0777 : wanted.mode) < 0) return errno;
  if (::fsync(file.get()) < 0) return errno;
  // A name is made too: of an idmapped mount the same is asked for it.
  const ActAs root(wanted.owner);
  return ::renameat(parent, temporary.c_str(), parent, name.c_str()) < 0 ? errno : 0;
}

Failure Replace(const Replacement& wanted) {
  const Fd root = OpenRoot(wanted.root);
  if (!root) return Failed(errno, "open", wanted.root);
  const Split split = SplitPath(wanted.path);
  const std::string name(split.name), temporary = "." + name + ".cella";
  if (name.empty() || name == "." || name == "..") return Failed(EINVAL, "open", wanted.path);
  Fd parent;
  {
    const ActAs guest(wanted.owner);
    parent = MakeParents(root.get(), std::string(split.parent));
  }
  if (!parent) return Failed(errno, "openat2", wanted.path);
  const int error = PutInPlace(wanted, parent.get(), name, temporary);
  if (error != 0) ::unlinkat(parent.get(), temporary.c_str(), 0);
  return Failed(error, "rename", wanted.path);
}

std::string Text(const Napi::Value& value) { return value.As<Napi::String>(); }

std::string Bytes(const Napi::Value& value) {
  const auto bytes = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength()};
}

}  // namespace

// readGuestFile(root, path, limit) → { bytes, uid, gid, mode }. ENODEV: it is neither a file nor a directory.
Napi::Value ReadGuestFile(const Napi::CallbackInfo& info) {
  const std::string root = Text(info[0]), path = Text(info[1]);
  const auto limit = static_cast<size_t>(info[2].As<Napi::Number>().Int64Value());
  return InThread(info.Env(), "cella.read", [root, path, limit]() -> Outcome {
    const auto found = std::make_shared<Contents>();
    Failure failure = Read(root, path, limit, *found);
    return {std::move(failure), [found](Napi::Env env) -> Napi::Value {
              Napi::Object result = Napi::Object::New(env);
              result.Set("bytes", Napi::Buffer<char>::Copy(env, found->text.data(), found->text.size()));
              result.Set("uid", found->info.st_uid);
              result.Set("gid", found->info.st_gid);
              result.Set("mode", found->info.st_mode & 07777);
              return result;
            }};
  });
}

// replaceGuestFile(root, path, bytes, { uid, gid, mode })
Napi::Value ReplaceGuestFile(const Napi::CallbackInfo& info) {
  const auto options = info[3].As<Napi::Object>();
  const auto number = [&](const char* key) { return options.Get(key).As<Napi::Number>().Uint32Value(); };
  const Replacement wanted{Text(info[0]), Text(info[1]), Bytes(info[2]), {number("uid"), number("gid")}, number("mode")};
  return InThread(info.Env(), "cella.replace", [wanted]() -> Outcome { return {Replace(wanted)}; });
}

}  // namespace vz
