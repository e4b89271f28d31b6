#include "header.h"

namespace vz {
namespace {

constexpr char kMagic[] = "ustar  ";
constexpr uint8_t kPositive = 0x80, kNegative = 0xff;

// With its own field as blanks.
int64_t Sum(const Header& header) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&header);
  constexpr size_t from = offsetof(Header, sum), to = from + sizeof header.sum;
  int64_t sum = ' ' * sizeof header.sum;
  for (size_t i = 0; i < sizeof header; ++i)
    if (i < from || i >= to) sum += bytes[i];
  return sum;
}

}  // namespace

void PutField(char* field, size_t width, int64_t value) {
  const size_t digits = width - 1;
  if (value >= 0 && (digits * 3 >= 63 || value >> (digits * 3) == 0)) {
    for (size_t i = digits; i-- > 0; value >>= 3) field[i] = static_cast<char>('0' + (value & 7));
    field[digits] = 0;
    return;
  }
  const uint8_t sign = value < 0 ? kNegative : kPositive;
  for (size_t i = width; i-- > 1; value >>= 8) field[i] = static_cast<char>(value & 255);
  field[0] = static_cast<char>(sign);
}

bool ReadField(const char* field, size_t width, int64_t& value) {
  const auto first = static_cast<uint8_t>(field[0]);
  const bool binary = first == kPositive || first == kNegative;
  value = first == kNegative ? -1 : 0;
  for (size_t i = binary; i < width; ++i) {
    const auto byte = static_cast<uint8_t>(field[i]);
    if (!binary && (byte == 0 || byte == ' ')) return i > 0;
    if (!binary && (byte < '0' || byte > '7')) return false;
    const int64_t limit = INT64_MAX >> (binary ? 8 : 3);
    if (value > limit || value < -limit - 1) return false;
    value = binary ? value * 256 + byte : value * 8 + (byte - '0');
  }
  return binary;
}

void Seal(Header& header) {
  memcpy(header.magic, kMagic, sizeof header.magic);
  PutField(header.sum, sizeof header.sum - 1, Sum(header));
  header.sum[sizeof header.sum - 1] = ' ';
}

bool Sealed(const Header& header) {
  for (size_t i = 0; i < sizeof header.magic; ++i)
    if (header.magic[i] != kMagic[i]) return false;
  int64_t sum;
  return ReadField(header.sum, sizeof header.sum, sum) && sum == Sum(header);
}

bool Zeros(const Header& header) {
  const auto* words = reinterpret_cast<const uint64_t*>(&header);
  uint64_t any = 0;
  for (size_t i = 0; i < sizeof header / sizeof *words; ++i) any |= words[i];
  return any == 0;
}

}  // namespace vz
