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
};

// Runs the launcher to its end; all that it says, and that it failed, comes through the other end of `control`.
void RunLauncher(const Request& request, Fd control);

// The same as a child of the keeper's, with the null device for standard descriptors.
void AskKeeper(const Request& request, int control, int keeper);

}  // namespace vz
