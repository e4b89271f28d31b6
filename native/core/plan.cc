// Reading a plan: bounds first, so that every later access is plain pointer arithmetic.
#include "plan.h"

#include <sys/mman.h>

namespace vz {
namespace {

const uint8_t* After(const Op& op) { return reinterpret_cast<const uint8_t*>(&op) + sizeof(Op); }

bool CheckOp(const Op& op, size_t left) {
  if (op.size < sizeof(Op) || op.size > left || op.size % 8 != 0) return false;
  const size_t room = op.size - sizeof(Op);
  size_t at = 0;
  for (uint32_t i = 0; i < op.strings; ++i) {
    while (at < room && After(op)[at]) ++at;
    if (at++ >= room) return false;
  }
  return op.bytes <= room - at;
}

}  // namespace

bool Plan::Load(int fd) {
  const long size = Syscall(SYS_lseek, fd, 0, 2);
  if (size < static_cast<long>(sizeof(Header))) return false;
  const long at = Syscall(SYS_mmap, 0, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (at < 0 && at > -4096) return false;
  header_ = reinterpret_cast<const Header*>(at);
  return header_->magic == kMagic && header_->version == kVersion && header_->size == size && Check();
}

bool Plan::Check() const {
  const uint8_t* at = reinterpret_cast<const uint8_t*>(header_) + sizeof(Header);
  size_t left = header_->size - sizeof(Header);
  for (uint32_t i = 0; i < count(); ++i) {
    if (left < sizeof(Op)) return false;
    const Op& op = *reinterpret_cast<const Op*>(at);
    if (!CheckOp(op, left)) return false;
    at += op.size;
    left -= op.size;
  }
  return left == 0;
}

const Op& Plan::step(uint32_t index) const {
  const uint8_t* at = reinterpret_cast<const uint8_t*>(header_) + sizeof(Header);
  for (; index > 0; --index) at += reinterpret_cast<const Op*>(at)->size;
  return *reinterpret_cast<const Op*>(at);
}

const char* Text(const Op& op, uint32_t index) {
  if (index >= op.strings) return "";
  const char* at = reinterpret_cast<const char*>(After(op));
  for (; index > 0; --index) at += Length(at) + 1;
  return at;
}

const uint8_t* Bytes(const Op& op) {
  const char* at = reinterpret_cast<const char*>(After(op));
  for (uint32_t i = 0; i < op.strings; ++i) at += Length(at) + 1;
  return reinterpret_cast<const uint8_t*>(at);
}

}  // namespace vz
