// What the runtime, the launcher and the child in the container say to each other.
//
//   runtime                    launcher                     child
//   spawn ───────────────────► outside steps
//                              clone3 ────────────────────► inside steps before Root
//           ◄── BORN{pid}+pidfd
//                              id maps, root file system
//           ◄── PREPARED       hands over mounts ─────────► Root and the steps behind it; launcher exits
//           ◄───────────────────────────────────────────── TERMINAL+pty, where one was asked for
//           ◄───────────────────────────────────────────── WAITING
//   record written                                          blocked in read
//   GO ──────────────────────────────────────────────────► the last step, exec
//           ◄───────────────────────────────────────────── READY, nothing left but execve
//   EOF     ◄───────────────────────────────────────────── execve succeeded (close on exec)
//
// At any point FAILED{step, errno} may come instead. End of file on the runtime's side ends the child.
// When entering, the child waits for nothing, and what the steps `after` make is its own to attach. A guard makes no child: it says PREPARED, and ends the process of its
// pidfd when the runtime is gone. A bare namespace is what PREPARED carries. A program is what the launcher itself becomes:
// it says BORN and PREPARED of itself, then READY, and from then on the socket, descriptor 3, is that program's.
//
// The keeper (keeper.cc) makes itself a child, says BORN and PREPARED, and from then on answers at the listening socket
// that it has in place of a pidfd. A `token` (`reserved`) tells a process from a later one with the same pid:
//
//   SPAWN + control, plan, launcher[, bare]   runs the launcher: all above goes through `control`
//   CLAIM{pid, token}           → READY       remembers how that child ends, for COLLECT; or FAILED
//   TERMINAL{pid, token} + pty  → READY       keeps its console; or FAILED
//   COLLECT{pid, token}         → ENDED{wait status}; READY: it runs; FAILED: not known
//   GO{pid, token}                            forgets it
//   ATTEND                      → TERMINAL{pid, token} + pty, one that was not shown yet; READY: no more; GO: one has come
#pragma once
#include <stdint.h>

namespace vz {

constexpr uint32_t kMagic = 0x414c4c43;  // "CLLA"
constexpr uint32_t kVersion = 1;
constexpr int kControlFd = 3, kPlanFd = 4, kPidFd = 5, kBareFd = 6;

enum class Mode : uint32_t { Launch = 1, Enter = 2, Mount = 3, Guard = 4, Keep = 5, Bare = 6, Program = 7 };
enum class Say : uint32_t {
  Born = 1, Prepared, Go, Terminal, Ready, Failed, Spawn, Claim, Collect, Ended, Attend, Waiting,
};

// Failures between the steps, numbered from the top.
constexpr uint32_t kClone = ~0u, kIdMaps = ~1u, kHandOver = ~2u, kJoin = ~3u, kReadPlan = ~4u, kNotLaunched = ~5u,
                   kLauncherDied = ~6u;

struct Record {
  Say say;
  uint32_t step;    // index into the plan, or one of the above
  int32_t value;  // pid for Born, errno for Failed
  uint32_t reserved;  // token, for the keeper
};

// Each op says where it may run; the plan lists `outside`, then `after`, then `inside` steps.
enum class Code : uint32_t {
  MakeCgroup = 1, WriteFile, JoinTasks, IntoCgroup, Source, Own, Devices, Clocks, Enable,
  Overlay = 10, Image, Nodes, Bind, Tree,
  Unshare = 20, Root, Become, Mount, Directory, Attach, Symlink, Mask, ReadOnly, Pivot,
  Hostname, Loopback, Null, Terminal, Rlimit, Keyring, Chdir, Identity, Capabilities, NoNewPrivileges,
  Seccomp, Exec, Console, File, Sysctl, Detach, Done, Merge,
};

struct Op {
  Code code;
  uint32_t size;  // of this record with its strings and bytes, a multiple of 8
  uint32_t a, b;
  uint64_t c, d;
  uint32_t strings;  // NUL-terminated, right behind this struct
  uint32_t bytes;    // raw bytes behind the strings
};

struct Header {
  uint32_t magic, version, size;
  Mode mode;
  uint64_t namespaces;                // CLONE_NEW* for clone3(2), or for setns(2) when entering
  uint32_t idBase, gidBase, idCount;  // idCount 0: no user namespace
  uint32_t outside, after, inside;    // how many steps of each kind
  uint32_t crashAt;                   // test hook: step before which to die, or ~0
  uint32_t target;                    // when entering: the process of the pidfd
};

}  // namespace vz
