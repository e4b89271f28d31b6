// Decoding of batches.
#include "tree-batch.h"

namespace vz {

bool BatchReader::Take(std::string_view& bytes, size_t size) {
  if (left_ < size) return false;
  bytes = {at_, size};
  at_ += size;
  left_ -= size;
  return true;
}

bool BatchReader::Take(std::string& text, size_t size) {
  std::string_view bytes;
  if (!Take(bytes, size) || bytes.find('\0') != std::string_view::npos) return false;
  text = bytes;
  return true;
}

bool BatchReader::TakeXattrs(Entry& entry, uint16_t count) {
  entry.xattrs.clear();
  for (; count > 0; --count) {
    uint32_t nameSize = 0, valueSize = 0;
    std::string name;
    std::string_view value;
    if (!Take(nameSize) || !Take(valueSize) || !Take(name, nameSize) || !Take(value, valueSize)) return false;
    entry.xattrs.emplace_back(std::move(name), std::string(value));
  }
  return true;
}

bool BatchReader::TakeData(std::string_view& data) {
  uint32_t memory = 0, offset = 0, length = 0;
  if (!Take(memory) || !Take(offset) || !Take(length) || memory >= memories_.size()) return false;
  const std::string_view all = memories_[memory];
  if (offset > all.size() || length > all.size() - offset) return false;
  data = all.substr(offset, length);
  return true;
}

bool BatchReader::Next(Entry& entry) {
  uint16_t xattrs = 0;
  uint32_t pathSize = 0, linkSize = 0;
  if (!Take(entry.kind) || !Take(entry.flags) || !Take(xattrs)) return false;
  if (entry.kind == Kind::Data) return TakeData(entry.data);
  if (entry.kind == Kind::Hole) return Take(entry.size);
  return Take(entry.mode) && Take(entry.uid) && Take(entry.gid) && Take(entry.seconds) && Take(entry.nanoseconds) &&
         Take(entry.major) && Take(entry.minor) && Take(pathSize) && Take(linkSize) && Take(entry.size) &&
         Take(entry.path, pathSize) && Take(entry.link, linkSize) && TakeXattrs(entry, xattrs);
}

}  // namespace vz
