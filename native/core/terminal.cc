// Standard descriptors: the container's own null device, or a fresh pty of the container's own devpts.
#include "state.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/vfs.h>

namespace vz {
namespace {

long UseAsStdio(int fd) {
  for (int i = 0; i < 3; ++i) {
    if (const long done = Syscall(SYS_dup3, fd, i, 0); done < 0 && fd != i) return done;
  }
  if (fd > 2) Close(fd);
  return 0;
}

struct Pty {
  int master = -1, slave = -1;
};

// The guest may have put anything at /dev/pts: only a real devpts multiplexer is used, and its slave is taken from
// the master (TIOCGPTPEER), never by a path.
long OpenPty(int ptmx, Pty& pty) {
  if (ptmx < 0) return ptmx;
  pty.master = ptmx;
  struct statfs info;
  if (const long got = Syscall(SYS_fstatfs, ptmx, Ptr(&info)); got < 0) return got;
  if (info.f_type != DEVPTS_SUPER_MAGIC) return -ENOTTY;
  int unlock = 0;
  if (const long done = Syscall(SYS_ioctl, ptmx, TIOCSPTLCK, Ptr(&unlock)); done < 0) return done;
  pty.slave = static_cast<int>(Syscall(SYS_ioctl, ptmx, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  return pty.slave < 0 ? pty.slave : 0;
}

constexpr int kMasterFlags = O_RDWR | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC | O_NONBLOCK;

// The runtime gets the master, the process the slave.
long Share(State& state, const Pty& pty) {
  const long sent = Send(state.control, {Say::Terminal, 0, 0, 0}, &pty.master, 1);
  Close(pty.master);
  return sent < 0 ? sent : UseAsStdio(pty.slave);
}

}  // namespace

long Null() {
  const int fd = Open(AT_FDCWD, "/dev/null", O_RDWR | O_NOFOLLOW | O_NOCTTY);
  return fd < 0 ? fd : UseAsStdio(fd);
}

// A controlling terminal for a command that enters.
long Terminal(State& state) {
  Pty pty;
  if (const long opened = OpenPty(Open(AT_FDCWD, "/dev/pts/ptmx", kMasterFlags), pty); opened < 0) return opened;
  if (const long done = Syscall(SYS_ioctl, pty.slave, TIOCSCTTY, 0); done < 0) return done;
  return Share(state, pty);
}

// The container's console: a pty of its own devpts, seen at the path that the step names; before pivot_root. It
// controls nobody until init says so.
long Console(State& state, const Op& op) {
  Pty pty;
  if (const long opened = OpenPty(Open(state.root, "dev/pts/ptmx", kMasterFlags), pty); opened < 0) return opened;
  const int mount = static_cast<int>(
      Syscall(SYS_open_tree, pty.slave, Ptr(""), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
  if (mount < 0) return mount;
  if (const long attached = AttachAt(state, mount, Text(op, 0), false); attached < 0) return attached;
  return Share(state, pty);
}

}  // namespace vz
