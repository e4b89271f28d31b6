#include "put.h"

#include "tar.h"

#include <sys/sysmacros.h>

namespace vz {
namespace {

// Two blocks of zeros are the end.
constexpr size_t kEnd = 2 * kBlock;

size_t used = 0;

// An entry that says a name of the next one; where that is now. Null: no room.
const char* PutLong(char kind, const char* name, size_t length) {
  auto* header = reinterpret_cast<Header*>(Take(kBlock));
  auto* data = header ? reinterpret_cast<char*>(Take(length + 1)) : nullptr;
  if (!data) return nullptr;
  memcpy(header->name, kLong, sizeof kLong);
  PutField(header->mode, sizeof header->mode, 0644);
  PutField(header->uid, sizeof header->uid, 0);
  PutField(header->gid, sizeof header->gid, 0);
  PutField(header->size, sizeof header->size, static_cast<int64_t>(length) + 1);
  PutField(header->mtime, sizeof header->mtime, 0);
  header->kind = kind;
  Seal(*header);
  memcpy(data, name, length);
  return data;
}

}  // namespace

uint8_t* Take(size_t size) {
  if (size > kMaxArchive - kEnd - used) return nullptr;
  uint8_t* const taken = &archive[used];
  used += Padded(size);
  return taken;
}

const char* PutHeader(const char* path, const struct stat& info, char kind, const char* link, off_t size) {
  const size_t length = Length(path), linkLength = Length(link);
  const char* name = nullptr;
  if (linkLength >= sizeof Header::link && !PutLong(kLongLink, link, linkLength)) return nullptr;
  if (length >= sizeof Header::name && !(name = PutLong(kLongName, path, length))) return nullptr;
  auto* header = reinterpret_cast<Header*>(Take(kBlock));
  if (!header) return nullptr;
  memcpy(header->name, path, length < sizeof header->name ? length : sizeof header->name - 1);
  memcpy(header->link, link, linkLength < sizeof header->link ? linkLength : sizeof header->link - 1);
  PutField(header->mode, sizeof header->mode, info.st_mode & 07777);
  PutField(header->uid, sizeof header->uid, info.st_uid);
  PutField(header->gid, sizeof header->gid, info.st_gid);
  PutField(header->size, sizeof header->size, size);
  PutField(header->mtime, sizeof header->mtime, info.st_mtime);
  if (kind == kCharacter || kind == kBlockDevice) {
    PutField(header->major, sizeof header->major, major(info.st_rdev));
    PutField(header->minor, sizeof header->minor, minor(info.st_rdev));
  }
  header->kind = kind;
  Seal(*header);
  return name ? name : header->name;
}

size_t PutEnd() { return used + kEnd; }

}  // namespace vz
