// What one launcher run holds: the plan, the descriptors that steps leave for later steps, and the way to report.
#pragma once
#include "plan.h"

namespace vz {

constexpr int kSlots = 64;

struct State {
  Plan plan;
  int control = kControlFd;
  int relay = -1;      // where the child is handed its mounts
  int into = -1;       // cgroup v2 directory to clone into
  int bare = -1;       // a mount namespace to clone from, see bare.cc; -1: the host's
  int child = 0;       // pid of the clone, as the launcher sees it
  int root = -1;       // the container's root mount
  int area = -1;       // the private area, where that is in an image
  int empty = -1;      // what hides directories, once it is mounted
  int slots[kSlots];   // detached mounts made outside, attached inside; 0 is the root
  State() {
    for (int& slot : slots) slot = -1;
  }
};

// Every step returns 0 or -errno.
long MakeCgroup(const Op& op);
long WriteFile(const Op& op);
long Enable(const Op& op);
long JoinTasks(const Op& op);
long IntoCgroup(State& state, const Op& op);
long Own(const Op& op);
long Devices(const Op& op);
long Clocks();

long Source(State& state, const Op& op);
long Bind(State& state, const Op& op);
long Nodes(State& state, const Op& op);
long Image(State& state, const Op& op);
// Of a file system to be mounted: names and values from a text of the op on; an empty value makes one a flag.
long SetOptions(int fs, const Op& op, uint32_t first);
long Overlay(State& state, const Op& op);
long Tree(State& state, const Op& op);

long Root(State& state, const Op& op);
long Mount(State& state, const Op& op);
long Directory(State& state, const Op& op);
long Attach(State& state, const Op& op);
long Detach(State& state, const Op& op);
long Symlink(State& state, const Op& op);
long File(State& state, const Op& op);
long Sysctl(State& state, const Op& op);
long Mask(State& state, const Op& op);
long ReadOnly(State& state, const Op& op);
long Pivot(State& state);

long Terminal(State& state);
long Console(State& state, const Op& op);
long Null();

long Become();
long Hostname(const Op& op);
long Loopback();
long Rlimit(const Op& op);
long Keyring();
long Identity(const Op& op);
long Capabilities(const Op& op);
long NoNewPrivileges();
long Merge();
long Seccomp(const Op& op);
long Exec(State& state, const Op& op);
// Instead of Exec, where nothing is to run.
long Done(const State& state);

// A new file system, as a detached mount; options are texts of `op` from `first` on.
int NewMount(const char* type, const Op* op, uint32_t first, uint64_t attributes);
// Puts a detached mount at a path beneath the root, which is made where it is missing.
long AttachAt(State& state, int mount, const char* path, bool directory);

// Where something can be mounted in a bare namespace.
constexpr char kBareRoot[] = "/root";
// Makes a bare mount namespace, and hands it over.
void Bare(const State& state);
// Goes to the bare namespace, where there is one; returns what leads back, or -errno.
long LeaveHost(const State& state);
long ReturnToHost(int host);

// Becomes the keeper; returns in the process that was asked to.
void Keep(State& state);

// Sends one record, with up to `count` descriptors attached.
long Send(int socket, Record record, const int* fds = nullptr, int count = 0);
// Receives one record and its descriptors; 0 at end of file.
long Receive(int socket, Record& record, int* fds = nullptr, int count = 0);

}  // namespace vz
