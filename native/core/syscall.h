// Raw system calls: the launcher links no C library, so nothing here can allocate, lock or touch errno.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

extern "C" {
void* memset(void* to, int value, size_t n);
void* memcpy(void* to, const void* from, size_t n);
}

namespace vz {

// Returns the kernel's answer: a value, or -errno.
inline long Syscall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
#if defined(__x86_64__)
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
#else
#error "only x86-64 and aarch64 are supported"
#endif
}

inline long Ptr(const void* pointer) { return reinterpret_cast<long>(pointer); }

[[noreturn]] inline void Exit(int status) {
  for (;;) Syscall(SYS_exit_group, status);
}

inline size_t Length(const char* text) {
  size_t n = 0;
  while (text[n]) ++n;
  return n;
}

inline int Open(int dir, const char* path, int flags, int mode = 0) {
  return static_cast<int>(Syscall(SYS_openat, dir, Ptr(path), flags, mode));
}

inline void Pause(long milliseconds) {
  const timespec pause{0, milliseconds * 1'000'000};
  Syscall(SYS_nanosleep, Ptr(&pause), 0);
}

inline void Close(int fd) { Syscall(SYS_close, fd); }

}  // namespace vz
