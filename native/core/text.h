// Putting short texts together without a C library. The caller's buffer is large enough; the end is returned.
#pragma once
#include <stdint.h>

namespace vz {

inline char* PutText(char* to, const char* from) {
  while (*from) *to++ = *from++;
  *to = 0;
  return to;
}

inline char* PutNumber(char* to, uint32_t value) {
  char digits[12];
  int count = 0;
  do digits[count++] = static_cast<char>('0' + value % 10); while (value /= 10);
  while (count > 0) *to++ = digits[--count];
  *to = 0;
  return to;
}

}  // namespace vz
