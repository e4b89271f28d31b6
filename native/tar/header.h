// What stands before each entry of a tar archive, as GNU tar writes it.
#pragma once
#include "../core/syscall.h"

namespace vz {

constexpr size_t kBlock = 512;

struct Header {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], kind, link[100], magic[8];
  char uname[32], gname[32], major[8], minor[8], rest[167];
};
static_assert(sizeof(Header) == kBlock);

// Kinds of entries.
constexpr char kFile = '0', kHardLink = '1', kSymlink = '2', kCharacter = '3', kBlockDevice = '4', kDirectory = '5';
constexpr char kFifo = '6', kLongName = 'L', kLongLink = 'K';

// The name of the entries that say names which are too long for a header.
constexpr char kLong[] = "././@LongLink";

constexpr size_t Padded(size_t size) { return (size + kBlock - 1) / kBlock * kBlock; }

// Octal; where that is too short, or for what is below zero, binary.
void PutField(char* field, size_t width, int64_t value);
bool ReadField(const char* field, size_t width, int64_t& value);

// To be called once everything else is there.
void Seal(Header& header);
bool Sealed(const Header& header);

bool Zeros(const Header& header);

}  // namespace vz
