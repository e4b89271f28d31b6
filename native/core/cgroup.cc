// Control group steps, done from outside before the clone so that the child is born in its place.
#include "state.h"
#include "text.h"

#include <fcntl.h>
#include <errno.h>

namespace vz {
namespace {

bool HasWord(const char* text, const char* word) {
  const size_t length = Length(word);
  for (const char* at = text; *at;) {
    const char* end = at;
    while (*end && *end != ' ' && *end != '\n') ++end;
    size_t same = 0;
    while (same < length && at + same < end && at[same] == word[same]) ++same;
    if (same == length && at + length == end) return true;
    at = *end ? end + 1 : end;
  }
  return false;
}

}  // namespace

// Makes up to `a` missing parents too; mostly they are there, so the last one is tried first.
long MakeCgroup(const Op& op) {
  char path[4096];
  const size_t length = Length(Text(op, 0));
  if (length >= sizeof path) return -ENAMETOOLONG;
  memcpy(path, Text(op, 0), length + 1);
  size_t end = length;
  for (uint32_t up = 0;;) {
    const long made = Syscall(SYS_mkdirat, AT_FDCWD, Ptr(path), 0755);
    if (made == -ENOENT && up < op.a) {
      for (++up; end > 0 && path[end] != '/';) --end;
      path[end] = 0;
      continue;
    }
    if (made < 0 && made != -EEXIST) return made;
    if (end == length) return 0;
    // One level down again.
    path[end] = '/';
    while (path[end]) ++end;
  }
}

long WriteFile(const Op& op) {
  const int fd = Open(AT_FDCWD, Text(op, 0), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return fd;
  const long wrote = Syscall(SYS_write, fd, Ptr(Text(op, 1)), static_cast<long>(Length(Text(op, 1))));
  Close(fd);
  return wrote < 0 ? wrote : 0;
}

// Controllers for the groups in this one. Mostly they are there: the kernel looks through all groups below with every
// write to that file (cgroup_lock_and_drain_offline in kernel/cgroup/cgroup.c), which with thousands takes long.
long Enable(const Op& op) {
  const int fd = Open(AT_FDCWD, Text(op, 0), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return fd;
  char there[512], missing[512];
  const long got = Syscall(SYS_read, fd, Ptr(there), sizeof there - 1);
  there[got < 0 ? 0 : got] = 0;
  char* end = missing;
  for (uint32_t i = 1; i < op.strings; ++i) {
    const char* name = Text(op, i);
    if (HasWord(there, name)) continue;
    if (end + Length(name) + 3 > missing + sizeof missing) return -E2BIG;
    end = PutText(PutText(end, end == missing ? "+" : " +"), name);
  }
  const long wrote = end == missing ? 0 : Syscall(SYS_write, fd, Ptr(missing), end - missing);
  Close(fd);
  return wrote < 0 ? wrote : 0;
}

// Writing "0" to `tasks` moves only the calling thread, so the kernel skips the system-wide lock that makes a
// write to cgroup.procs wait for an RCU grace period (cgroup_procs_write_start in kernel/cgroup/cgroup.c).
long JoinTasks(const Op& op) {
  const int fd = Open(AT_FDCWD, Text(op, 0), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return fd;
  const long wrote = Syscall(SYS_write, fd, Ptr("0"), 1);
  Close(fd);
  return wrote < 0 ? wrote : 0;
}

long IntoCgroup(State& state, const Op& op) {
  state.into = Open(AT_FDCWD, Text(op, 0), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  return state.into < 0 ? state.into : 0;
}

// Gives a group to the container's root: the directory, then those of its files that the kernel lets be given away
// (/sys/kernel/cgroup/delegate). What limits the group stays the host's.
long Own(const Op& op) {
  const int fd = Open(AT_FDCWD, Text(op, 0), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return fd;
  long done = Syscall(SYS_fchownat, fd, Ptr(""), op.a, op.b, AT_EMPTY_PATH);
  for (uint32_t i = 1; i < op.strings && done >= 0; ++i) {
    done = Syscall(SYS_fchownat, fd, Ptr(Text(op, i)), op.a, op.b, AT_SYMLINK_NOFOLLOW);
    // A file of a controller that is not in use here.
    if (done == -ENOENT) done = 0;
  }
  Close(fd);
  return done < 0 ? done : 0;
}

}  // namespace vz
