// Small kernel calls that Node lacks: locks, exchanged names, pidfds, umount, pipes, terminals.
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include "addon.h"
#include "promise.h"

namespace vz {
namespace {

std::string Path(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::String>(); }

// Linux 5.8 tells mount points apart (statx(2)), which takes no longer where there are thousands of mounts, and asks
// nobody who serves one.
std::optional<std::string> DeviceAt(const std::string& path) {
  struct statx here {};
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  if (::statx(AT_FDCWD, path.c_str(), flags, 0, &here) < 0)
    return errno == ENOENT || errno == ENOTDIR ? std::optional<std::string>("") : std::nullopt;
  if (!(here.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)) return std::nullopt;
  if (!(here.stx_attributes & STATX_ATTR_MOUNT_ROOT)) return "";
  return std::to_string(here.stx_dev_major) + ":" + std::to_string(here.stx_dev_minor);
}

}  // namespace

// lock(path) → descriptor, without waiting (EAGAIN). The file may be unlinked by a holder that lets go, so what was
// locked must still be what the path names.
Napi::Value Lock(const Napi::CallbackInfo& info) {
  const std::string path = Path(info, 0);
  for (;;) {
    // O_CLOEXEC: a flock lives as long as any copy of the descriptor, and a container must not hold its own lock.
    Fd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fd) throw SystemError(info.Env(), {errno, "open", path, -1});
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) < 0) throw SystemError(info.Env(), {errno, "flock", path, -1});
    struct stat held, named;
    if (::fstat(fd.get(), &held) < 0) throw SystemError(info.Env(), {errno, "fstat", path, -1});
    if (::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev)
      return Napi::Number::New(info.Env(), fd.release());
  }
}

// exchange(first, second) → whether the file system can: each has the other's name after it (renameat2(2), Linux 3.15).
Napi::Value Exchange(const Napi::CallbackInfo& info) {
  const std::string first = Path(info, 0), second = Path(info, 1);
  const bool done = ::renameat2(AT_FDCWD, first.c_str(), AT_FDCWD, second.c_str(), RENAME_EXCHANGE) == 0;
  // EINVAL: "the filesystem does not support one of the flags", or one of the two is in the other.
  if (!done && errno != EINVAL && errno != ENOSYS) throw SystemError(info.Env(), {errno, "renameat2", first, -1});
  return Napi::Boolean::New(info.Env(), done);
}

// exists(path): on a thread that the process does not wait for when it ends, since a file system that another process
// serves may take for ever to answer.
Napi::Value Exists(const Napi::CallbackInfo& info) {
  return InThread(info.Env(), "cella.exists", [path = Path(info, 0)]() -> Outcome {
    struct stat there;
    const bool found = ::stat(path.c_str(), &there) == 0;
    return {{}, [found](Napi::Env env) { return Napi::Boolean::New(env, found); }};
  });
}

// readKernelFile(path) → its text; null where it is not there: no such file (ENOENT), process (ESRCH) or controller
// (ENODEV), or a threaded group (EOPNOTSUPP). For files that are made up when they are read: no thread, no size asked for.
Napi::Value ReadKernelFile(const Napi::CallbackInfo& info) {
  const std::string path = Path(info, 0);
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::string text;
  ssize_t got = fd ? 1 : -1;
  for (char part[4096]; got > 0;) {
    got = ::read(fd.get(), part, sizeof part);
    if (got < 0 && errno == EINTR) got = 1;
    else if (got > 0) text.append(part, static_cast<size_t>(got));
  }
  if (got == 0) return Napi::String::New(info.Env(), text);
  if (errno == ENOENT || errno == ESRCH || errno == ENODEV || errno == EOPNOTSUPP) return info.Env().Null();
  throw SystemError(info.Env(), {errno, "read", path, -1});
}

// isOpen(path) → whether anybody has this file open, a loop device too; true where nobody can tell.
Napi::Value IsOpen(const Napi::CallbackInfo& info) {
  const std::string path = Path(info, 0);
  Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd) return Napi::Boolean::New(info.Env(), errno != ENOENT);
  // A write lease "may be placed on a file only if there are no other open file descriptors for the file" (fcntl(2)).
  // Whoever opens it in this moment waits for the next line, and has the kernel send a signal that does nothing.
  const bool free = ::fcntl(fd.get(), F_SETSIG, SIGURG) == 0 && ::fcntl(fd.get(), F_SETLEASE, F_WRLCK) == 0;
  return Napi::Boolean::New(info.Env(), !free);
}

// openPid(pid) → descriptor; -1 where there is no such process.
Napi::Value OpenPid(const Napi::CallbackInfo& info) {
  const long fd = ::syscall(SYS_pidfd_open, Number(info, 0), 0);
  if (fd < 0 && errno != ESRCH && errno != EINVAL) throw SystemError(info.Env(), {errno, "pidfd_open", "", -1});
  return Napi::Number::New(info.Env(), static_cast<double>(fd));
}

Napi::Value SignalPid(const Napi::CallbackInfo& info) {
  if (::syscall(SYS_pidfd_send_signal, Number(info, 0), Number(info, 1), nullptr, 0) < 0)
    throw SystemError(info.Env(), {errno, "pidfd_send_signal", "", -1});
  return info.Env().Undefined();
}

// mountDevice(path) → "MAJOR:MINOR" of what is mounted there; "": nothing is; null where the kernel does not say.
Napi::Value MountDevice(const Napi::CallbackInfo& info) {
  const std::optional<std::string> device = DeviceAt(Path(info, 0));
  return device ? Napi::String::New(info.Env(), *device) : info.Env().Null();
}

// umount(path): whatever is mounted there, topmost first; nothing there is fine.
Napi::Value Umount(const Napi::CallbackInfo& info) {
  const std::string path = Path(info, 0);
  // Then nothing needs a thread.
  if (DeviceAt(path) == "") {
    const auto settled = Napi::Promise::Deferred::New(info.Env());
    settled.Resolve(info.Env().Undefined());
    return settled.Promise();
  }
  return InThread(info.Env(), "cella.umount", [path]() -> Outcome {
    while (::umount2(path.c_str(), UMOUNT_NOFOLLOW) == 0) {
    }
    // EINVAL: not a mount point, ENOENT: no such directory (umount(2)).
    if (errno == EINVAL || errno == ENOENT) return {};
    return {{errno, "umount2", path, -1}};
  });
}

// closeOnExec(): of all descriptors but the standard ones.
Napi::Value CloseOnExec(const Napi::CallbackInfo& info) {
  if (::syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
    throw SystemError(info.Env(), {errno, "close_range", "", -1});
  return info.Env().Undefined();
}

Napi::Value Pipe(const Napi::CallbackInfo& info) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) throw SystemError(info.Env(), {errno, "pipe2", "", -1});
  Napi::Array result = Napi::Array::New(info.Env(), 2);
  result.Set(0u, ends[0]);
  result.Set(1u, ends[1]);
  return result;
}

// Bytes that wait in a pipe or terminal.
Napi::Value Unread(const Napi::CallbackInfo& info) {
  int count = 0;
  if (::ioctl(Number(info, 0), FIONREAD, &count) < 0) throw SystemError(info.Env(), {errno, "ioctl", "", -1});
  return Napi::Number::New(info.Env(), count);
}

Napi::Value SetWindowSize(const Napi::CallbackInfo& info) {
  winsize size{};
  size.ws_row = static_cast<unsigned short>(Number(info, 1));
  size.ws_col = static_cast<unsigned short>(Number(info, 2));
  if (::ioctl(Number(info, 0), TIOCSWINSZ, &size) < 0) throw SystemError(info.Env(), {errno, "ioctl", "", -1});
  return info.Env().Undefined();
}

}  // namespace vz
