// The plan as the launcher reads it: a header and a flat list of steps, checked before the first is done.
#pragma once
#include "protocol.h"
#include "syscall.h"

namespace vz {

class Plan {
 public:
  // Maps the plan from `fd` and checks every record's bounds. False if it is not one of ours.
  bool Load(int fd);

  const Header& header() const { return *header_; }
  uint32_t count() const { return header_->outside + header_->after + header_->inside; }
  const Op& step(uint32_t index) const;

 private:
  bool Check() const;
  const Header* header_ = nullptr;
};

// The `index`th string of a step; steps are checked to hold as many as they say.
const char* Text(const Op& op, uint32_t index);
const uint8_t* Bytes(const Op& op);

}  // namespace vz
