#include "gzip.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

namespace vz {
namespace {

// Magic, deflate, a comment follows, no time, no level, Unix; the comment.
constexpr uint8_t kHead[] = {0x1f, 0x8b, 8, 0x10, 0, 0, 0, 0, 0, 3, 'c', 'e', 'l', 'l', 'a', 0};
constexpr size_t kFront = 5, kBack = 8, kMaxBlock = 65535, kMaxBlocks = 17;

struct Tables {
  uint32_t of[8][256];
};

// The bits of eight bytes at once: of[n] is a byte with n more behind it.
constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1 ? 0xedb88320u : 0) ^ (crc >> 1);
    tables.of[0][i] = crc;
  }
  for (int n = 1; n < 8; ++n)
    for (uint32_t i = 0; i < 256; ++i)
      tables.of[n][i] = tables.of[0][tables.of[n - 1][i] & 255] ^ (tables.of[n - 1][i] >> 8);
  return tables;
}

constexpr Tables kTables = MakeTables();

uint32_t Crc(const uint8_t* data, size_t size) {
  uint32_t crc = ~0u;
  for (; size >= 8; data += 8, size -= 8) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 8; ++i) sum ^= kTables.of[7 - i][data[i] ^ (i < 4 ? crc >> (8 * i) & 255 : 0)];
    crc = sum;
  }
  for (; size > 0; ++data, --size) crc = kTables.of[0][(crc ^ *data) & 255] ^ (crc >> 8);
  return ~crc;
}

void Put(uint8_t* to, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to[i] = static_cast<uint8_t>(value >> (8 * i));
}

// Where all of a file is in memory: the data, and what there is before, between and behind its blocks.
struct Layout {
  uint8_t head[sizeof kHead];
  uint8_t fronts[kMaxBlocks][kFront];
  uint8_t back[kBack];
  iovec parts[2 * kMaxBlocks + 2];
  size_t blocks = 0, count = 0, bytes = 0;

  void Add(uint8_t* from, size_t length) {
    parts[count++] = {from, length};
    bytes += length;
  }

  Layout(uint8_t* data, size_t size) {
    Add(head, sizeof head);
    do {
      const size_t block = size < kMaxBlock ? size : kMaxBlock;
      Add(fronts[blocks++], kFront);
      Add(data, block);
      data += block;
      size -= block;
    } while (size > 0);
    Add(back, kBack);
  }

  void Fill(const uint8_t* data, size_t size) {
    for (size_t i = 0; i < sizeof kHead; ++i) head[i] = kHead[i];
    for (size_t i = 0; i < blocks; ++i) {
      const auto block = static_cast<uint32_t>(parts[2 * i + 2].iov_len);
      fronts[i][0] = i + 1 == blocks;
      Put(&fronts[i][1], block, 2);
      Put(&fronts[i][3], ~block, 2);
    }
    Put(back, Crc(data, size), 4);
    Put(&back[4], static_cast<uint32_t>(size), 4);
  }
};

bool Same(const void* a, const void* b, size_t n) {
  for (size_t i = 0; i < n; ++i)
    if (static_cast<const uint8_t*>(a)[i] != static_cast<const uint8_t*>(b)[i]) return false;
  return true;
}

}  // namespace

long WriteGzip(int fd, const uint8_t* data, size_t size) {
  if (size > kMaxBlock * kMaxBlocks) return -EFBIG;
  Layout layout(const_cast<uint8_t*>(data), size);
  layout.Fill(data, size);
  for (size_t i = 0; i < layout.count;) {
    const long wrote = Syscall(SYS_writev, fd, Ptr(&layout.parts[i]), static_cast<long>(layout.count - i));
    if (wrote == -EINTR) continue;
    if (wrote <= 0) return wrote < 0 ? wrote : -EIO;
    auto left = static_cast<size_t>(wrote);
    for (; i < layout.count && left >= layout.parts[i].iov_len; ++i) left -= layout.parts[i].iov_len;
    if (left > 0) {
      layout.parts[i].iov_base = static_cast<uint8_t*>(layout.parts[i].iov_base) + left;
      layout.parts[i].iov_len -= left;
    }
  }
  return 0;
}

Gzip ReadGzip(int fd, uint8_t* data, size_t capacity, size_t& size) {
  uint8_t head[sizeof kHead];
  struct stat info;
  const long at = Syscall(SYS_lseek, fd, 0, SEEK_CUR);
  if (at < 0 || Syscall(SYS_pread64, fd, Ptr(head), sizeof head, at) != sizeof head) return Gzip::Foreign;
  if (!Same(head, kHead, sizeof head)) return Gzip::Foreign;
  if (Syscall(SYS_fstat, fd, Ptr(&info)) < 0) return Gzip::Foreign;
  constexpr size_t kAround = sizeof kHead + kBack;
  const auto all = static_cast<size_t>(info.st_size - at);
  if (all > capacity + kAround + kMaxBlocks * kFront) return Gzip::Foreign;
  if (all < kAround + kFront) return Gzip::Broken;
  const size_t blocks = (all - kAround + kFront + kMaxBlock - 1) / (kFront + kMaxBlock);
  size = all - kAround - blocks * kFront;
  if (size > capacity) return Gzip::Foreign;
  Layout read(data, size);
  if (read.bytes != all) return Gzip::Broken;
  const long got = Syscall(SYS_preadv, fd, Ptr(read.parts), static_cast<long>(read.count), at);
  if (got != static_cast<long>(all)) return Gzip::Broken;
  Layout meant(data, size);
  meant.Fill(data, size);
  const bool whole = Same(read.fronts, meant.fronts, read.blocks * kFront) && Same(read.back, meant.back, kBack);
  return whole ? Gzip::Whole : Gzip::Broken;
}

}  // namespace vz
