// Standard descriptors: the container's own null device, or a fresh pty of the container's own devpts.
#include "state.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
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

}  // namespace

long Null() {
  const int fd = Open(AT_FDCWD, "/dev/null", O_RDWR | O_NOFOLLOW | O_NOCTTY);
  return fd < 0 ? fd : UseAsStdio(fd);
}

// The guest may have put anything at /dev/pts: only a real devpts multiplexer is used, and its slave is taken from
// the master (TIOCGPTPEER), never by a path.
long Terminal(State& state) {
  const int master = Open(AT_FDCWD, "/dev/pts/ptmx", O_RDWR | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (master < 0) return master;
  struct statfs info;
  if (const long got = Syscall(SYS_fstatfs, master, Ptr(&info)); got < 0) return got;
  if (info.f_type != DEVPTS_SUPER_MAGIC) return -ENOTTY;
  int unlock = 0;
  if (const long done = Syscall(SYS_ioctl, master, TIOCSPTLCK, Ptr(&unlock)); done < 0) return done;
  const int slave = static_cast<int>(Syscall(SYS_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (slave < 0) return slave;
  if (const long done = Syscall(SYS_ioctl, slave, TIOCSCTTY, 0); done < 0) return done;
  const long sent = Send(state.control, {Say::Terminal, 0, 0, 0}, &master, 1);
  Close(master);
  return sent < 0 ? sent : UseAsStdio(slave);
}

}  // namespace vz
