#include "tar.h"

#include "../core/text.h"
#include "gzip.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

namespace vz {

alignas(16) uint8_t archive[kMaxArchive];

void Fail(const char* subject, const char* what, long result) {
  char text[160], *end = PutText(text, "tar: ");
  for (size_t i = 0; i < 64 && subject[i]; ++i) *end++ = subject[i];
  end = PutText(PutText(end, " "), what);
  if (result < 0) end = PutNumber(PutText(end, ": errno "), static_cast<uint32_t>(-result));
  end = PutText(end, "\n");
  Syscall(SYS_write, 2, Ptr(text), end - text);
  Exit(2);
}

namespace {

// What CRIU asks for; null stands for any directory.
constexpr const char* kCreate[] = {
  "--create", "--gzip", "--no-unquote", "--no-wildcards", "--one-file-system", "--check-links",
  "--preserve-permissions", "--sparse", "--numeric-owner", "--directory", nullptr, ".",
};
constexpr const char* kExtract[] = {"--extract", "--gzip", "--no-unquote", "--no-wildcards", "--directory", nullptr};

bool Equal(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}

// The directory; null: it is something else that is asked for.
template <size_t N>
const char* Match(const char* const (&meant)[N], char** arguments) {
  const char* directory = nullptr;
  for (size_t i = 0; i < N; ++i) {
    if (!arguments[i] || (meant[i] && !Equal(meant[i], arguments[i]))) return nullptr;
    if (!meant[i]) directory = arguments[i];
  }
  return arguments[N] ? nullptr : directory;
}

const char* PathOf(char** environment) {
  for (; *environment; ++environment) {
    const char* entry = *environment;
    if (entry[0] == 'P' && entry[1] == 'A' && entry[2] == 'T' && entry[3] == 'H' && entry[4] == '=') return entry + 5;
  }
  return "/usr/bin:/bin";
}

bool Begins(const char* text, size_t length, const char* with) {
  for (size_t i = 0; i < length; ++i)
    if (with[i] != text[i]) return false;
  return true;
}

// What is in PATH behind the last mention of the directory that this program was found in; all of it where it was run by
// another path.
const char* Behind(const char* path, const char* self) {
  for (const char *at = path, *behind = path;;) {
    size_t length = 0;
    while (at[length] && at[length] != ':') ++length;
    const bool found = Begins(at, length, self) && Equal(self + length, "/tar");
    at += length;
    if (found) behind = at;
    if (!*at++) return behind;
  }
}

// The next one of that name: so several programs like this one lead on to it too.
[[noreturn]] void RunReal(const char* self, char** argv, char** environment) {
  long result = -ENOENT;
  for (const char* at = Behind(PathOf(environment), self); *at;) {
    char program[PATH_MAX];
    size_t length = 0;
    if (*at == ':') ++at;
    for (; *at && *at != ':'; ++at)
      if (length < sizeof program - sizeof "/tar") program[length++] = *at;
    memcpy(&program[length], "/tar", sizeof "/tar");
    if (length == 0) continue;
    const long ran = Syscall(SYS_execve, Ptr(program), Ptr(argv), Ptr(environment));
    if (ran != -ENOENT && ran != -ENOTDIR) result = ran;
  }
  Fail("the real tar", "cannot be run", result);
}

void Run(const char* self, char** argv, char** environment) {
  if (const char* directory = argv[0] ? Match(kCreate, argv + 1) : nullptr) {
    const long size = Create(directory);
    if (size < 0) RunReal(self, argv, environment);
    const long wrote = WriteGzip(1, archive, static_cast<size_t>(size));
    if (wrote < 0) Fail("the archive", "cannot be written", wrote);
    return;
  }
  size_t size = 0;
  const char* directory = argv[0] ? Match(kExtract, argv + 1) : nullptr;
  const Gzip read = directory ? ReadGzip(0, archive, sizeof archive, size) : Gzip::Foreign;
  if (read == Gzip::Foreign) RunReal(self, argv, environment);
  if (read == Gzip::Broken) Fail("the archive", "is not whole", 0);
  Extract(directory, size);
}

[[noreturn]] void Main(long* stack) {
  constexpr long kExecFn = 31;  // AT_EXECFN of getauxval(3)
  char** argv = reinterpret_cast<char**>(&stack[1]);
  char** environment = argv + stack[0] + 1;
  char** end = environment;
  while (*end) ++end;
  const char* self = "";
  for (long* pair = reinterpret_cast<long*>(end + 1); pair[0]; pair += 2)
    if (pair[0] == kExecFn) self = reinterpret_cast<const char*>(pair[1]);
  Run(self, argv, environment);
  Exit(0);
}

}  // namespace
}  // namespace vz

extern "C" [[noreturn]] __attribute__((used)) void TarMain(long* stack) { vz::Main(stack); }

#if defined(__x86_64__)
__asm__(".global _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call TarMain\n");
#elif defined(__aarch64__)
__asm__(".global _start\n_start:\n mov x29, #0\n mov x0, sp\n bl TarMain\n");
#endif
