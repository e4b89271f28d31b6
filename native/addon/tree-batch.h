// A batch of entries as src/template/tree-writer.ts encodes it: little endian, one record after the other.
//
//   entry  u8 kind, u8 flags, u16 xattrs, u32 mode, u32 uid, u32 gid, i64 seconds, u32 nanoseconds, u32 major,
//          u32 minor, u32 path length, u32 link length, u64 size; path, link; xattrs
//   xattr  u32 name length, u32 value length; name, value
//   data   u8 kind, u8[3] 0, u32 memory, u32 offset, u32 length: of the file that came last
//          (kind Gone: nothing is to have that name any more, and only the path counts)
//   hole   u8 kind, u8[3] 0, u64 size: as many zeros of that file, which take no room
//
// Data lies in memory beside the batch, which is never copied on its way.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vz {

enum class Kind : uint8_t { Directory = 1, File, Symlink, Link, Character, Block, Fifo, Data, Hole, Gone };

constexpr uint8_t kOpaque = 1;   // an overlay directory that hides what is below it
constexpr uint8_t kImplied = 2;  // a directory that only must be there: one that is keeps what it has

struct Entry {
  Kind kind{};
  uint8_t flags = 0;
  uint32_t mode = 0, uid = 0, gid = 0;
  int64_t seconds = 0;
  uint32_t nanoseconds = 0, major = 0, minor = 0;
  uint64_t size = 0;
  std::string path, link;
  std::vector<std::pair<std::string, std::string>> xattrs;
  std::string_view data;
};

using Memories = std::vector<std::string_view>;

// Reads records; what does not fit is refused, never read past.
class BatchReader {
 public:
  BatchReader(std::string_view batch, const Memories& memories)
      : at_(batch.data()), left_(batch.size()), memories_(memories) {}
  bool done() const { return left_ == 0; }
  bool Next(Entry& entry);

 private:
  template <typename T>
  bool Take(T& value) {
    if (left_ < sizeof value) return false;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    left_ -= sizeof value;
    return true;
  }
  bool Take(std::string_view& bytes, size_t size);
  bool Take(std::string& text, size_t size);
  bool TakeXattrs(Entry& entry, uint16_t count);
  bool TakeData(std::string_view& data);
  const char* at_;
  size_t left_;
  const Memories& memories_;
};

}  // namespace vz
