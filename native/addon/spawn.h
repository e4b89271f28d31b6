// Running the launcher.
#pragma once
#include <cstdint>
#include <vector>

#include "fd.h"

namespace vz {

struct Request {
  std::vector<uint8_t> plan;
  int stdio[3] = {-1, -1, -1};  // -1: the null device
  int pidfd = -1;               // of a process in the container to enter
  int launcher = -1;            // the sealed program
  int bare = -1;                // mount namespace to make that of a container from, see core/bare.cc; -1: the host's
};

// Runs the launcher to its end; all that it says, and that it failed, comes through the other end of `control`.
void RunLauncher(const Request& request, Fd control);

// What a request has as `bare`: this process's own, made with the second container that it starts; -1: there is none.
int BareNamespace(const Request& request);

// The same as a child of the keeper's, with the null device for standard descriptors.
void AskKeeper(const Request& request, int control, int keeper);

}  // namespace vz
