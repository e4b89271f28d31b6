// The last steps before user code: who it is, what it may do, and execve.
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <linux/sockios.h>

namespace vz {

// Root of the container's user namespace; the capabilities come with the namespace.
long Become() {
  if (const long set = Syscall(SYS_setgroups, 0, 0); set < 0) return set;
  if (const long set = Syscall(SYS_setresgid, 0, 0, 0); set < 0) return set;
  if (const long set = Syscall(SYS_setresuid, 0, 0, 0); set < 0) return set;
  Syscall(SYS_umask, 022);
  return 0;
}

long Hostname(const Op& op) {
  return Syscall(SYS_sethostname, Ptr(Text(op, 0)), static_cast<long>(Length(Text(op, 0))));
}

long Loopback() {
  const int fd = static_cast<int>(Syscall(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd < 0) return fd;
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const long set = Syscall(SYS_ioctl, fd, SIOCSIFFLAGS, Ptr(&request));
  Close(fd);
  return set;
}

// Raising a hard limit needs CAP_SYS_RESOURCE, which a nested or restricted host lacks: then it stays as it is.
long Rlimit(const Op& op) {
  rlimit wanted{op.c, op.d}, now{};
  if (const long got = Syscall(SYS_prlimit64, 0, op.a, 0, Ptr(&now)); got < 0) return got;
  const long set = Syscall(SYS_prlimit64, 0, op.a, Ptr(&wanted), 0);
  if (set != -EPERM) return set;
  wanted.rlim_max = now.rlim_max;
  if (wanted.rlim_cur > wanted.rlim_max) wanted.rlim_cur = wanted.rlim_max;
  return Syscall(SYS_prlimit64, 0, op.a, Ptr(&wanted), 0);
}

long Keyring() {
  const long joined = Syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0);
  return joined == -ENOSYS ? 0 : joined < 0 ? joined : 0;
}

long Identity(const Op& op) {
  if (const long set = Syscall(SYS_setgroups, op.bytes / 4, Ptr(Bytes(op))); set < 0) return set;
  if (const long set = Syscall(SYS_setresgid, op.b, op.b, op.b); set < 0) return set;
  // Root keeps its capabilities by being root; anybody else loses them here, as login would.
  return Syscall(SYS_setresuid, op.a, op.a, op.a);
}

// Narrows the bounding set, and for root the other sets with it; the inheritable set is always empty.
long Capabilities(const Op& op) {
  for (uint32_t cap = 0; cap < 64; ++cap) {
    if (op.c >> cap & 1) continue;
    const long dropped = Syscall(SYS_prctl, PR_CAPBSET_DROP, cap);
    if (dropped == -EINVAL) break;  // past the last one this kernel knows
    if (dropped < 0) return dropped;
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (const long got = Syscall(SYS_capget, Ptr(&header), Ptr(data)); got < 0) return got;
  for (int i = 0; i < 2; ++i) {
    const uint32_t allowed = static_cast<uint32_t>(op.c >> (32 * i));
    data[i].permitted &= allowed;
    data[i].effective &= allowed;
    data[i].inheritable = 0;
  }
  return Syscall(SYS_capset, Ptr(&header), Ptr(data));
}

long NoNewPrivileges() { return Syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

// Has the kernel look for equal pages in all memory of this process and of those that come of it (Linux 6.4, kept by
// execve from 6.7 on). One that cannot is no reason not to run.
long Merge() {
  constexpr long kSetMemoryMerge = 67;  // PR_SET_MEMORY_MERGE, which older headers have not
  const long set = Syscall(SYS_prctl, kSetMemoryMerge, 1, 0, 0, 0);
  return set == -EINVAL ? 0 : set;
}

long Seccomp(const Op& op) {
  // The filter was copied behind strings of any length; the kernel reads it bytewise (copy_from_user).
  sock_fprog program{static_cast<unsigned short>(op.bytes / sizeof(sock_filter)),
                     reinterpret_cast<sock_filter*>(const_cast<uint8_t*>(Bytes(op)))};
  return Syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, Ptr(&program));
}

// a paths to try, b arguments, c environment entries, in that order among the strings.
long Exec(State& state, const Op& op) {
  constexpr uint32_t kMax = 4096;
  static const char* arguments[kMax + 1];
  static const char* environment[kMax + 1];
  const uint32_t paths = op.a, argc = op.b, envc = static_cast<uint32_t>(op.c);
  if (paths == 0 || argc == 0 || argc > kMax || envc > kMax || paths + argc + envc != op.strings) return -E2BIG;
  const char* at = Text(op, paths);
  for (uint32_t i = 0; i < argc; ++i, at += Length(at) + 1) arguments[i] = at;
  for (uint32_t i = 0; i < envc; ++i, at += Length(at) + 1) environment[i] = at;
  long result = Send(state.control, {Say::Ready, 0, 0, 0});
  for (uint32_t i = 0; i < paths && result >= -ENOENT; ++i) {
    const long failed = Syscall(SYS_execve, Ptr(Text(op, i)), Ptr(arguments), Ptr(environment));
    // What is not there, or hidden in a directory we may not search, is looked for further on.
    if (failed != -ENOENT && failed != -ENOTDIR && failed != -EACCES) return failed;
    if (result != -EACCES) result = failed;
  }
  return result;
}

long Done(const State& state) {
  Send(state.control, {Say::Ready, 0, 0, 0});
  Exit(0);
}

}  // namespace vz
