// What is in an archive may be a stranger's: nothing in it leads out of the directory, and nothing is believed.
#include "header.h"
#include "node.h"
#include "tar.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace vz {
namespace {

Node directories[kMaxArchive / kBlock];
size_t count = 0;

// "./" and then names that are none of the dots, one slash between them; one more may be at the end.
bool IsBeneath(const char* path) {
  if (path[0] != '.' || path[1] != '/') return false;
  for (const char* at = path + 2; *at;) {
    size_t length = 0;
    while (at[length] && at[length] != '/') ++length;
    if (length == 0 || (at[0] == '.' && (length == 1 || (length == 2 && at[1] == '.')))) return false;
    at += length;
    if (*at == '/') ++at;
  }
  return true;
}

bool Ends(const char* field, size_t width) {
  for (size_t i = 0; i < width; ++i)
    if (!field[i]) return true;
  return false;
}

bool ReadNumbers(const Header& header, Node& node) {
  constexpr int64_t kMaxId = UINT32_MAX - 1;
  if (!ReadField(header.mode, sizeof header.mode, node.mode) || node.mode < 0 || node.mode > 07777) return false;
  if (!ReadField(header.uid, sizeof header.uid, node.uid) || node.uid < 0 || node.uid > kMaxId) return false;
  if (!ReadField(header.gid, sizeof header.gid, node.gid) || node.gid < 0 || node.gid > kMaxId) return false;
  if (!ReadField(header.mtime, sizeof header.mtime, node.mtime)) return false;
  node.major = node.minor = 0;
  if (header.kind != kCharacter && header.kind != kBlockDevice) return true;
  if (!ReadField(header.major, sizeof header.major, node.major) || node.major < 0 || node.major > 0xfff) return false;
  return ReadField(header.minor, sizeof header.minor, node.minor) && node.minor >= 0 && node.minor <= 0xfffff;
}

// Null where it is as it should be, else what is wrong with it.
const char* Check(const Node& node) {
  if (node.kind < kFile || node.kind > kFifo) return "is of a kind that is not known";
  if (node.kind != kFile && node.size != 0) return "has contents that it cannot have";
  if (!IsBeneath(node.name)) return "is no name below the directory";
  const char last = node.name[Length(node.name) - 1];
  if (node.kind != kDirectory && last == '/') return "is no name of a file";
  if (node.kind != kHardLink) return nullptr;
  return IsBeneath(node.link) && node.link[Length(node.link) - 1] != '/' ? nullptr : "is a link to outside";
}

// An entry as it stands in the archive, and what is behind it; null: there are no more.
const Header* Next(size_t& at, size_t size, Node& node) {
  if (size - at < kBlock) Fail("the archive", "ends too early", 0);
  const auto& header = *reinterpret_cast<const Header*>(&archive[at]);
  at += kBlock;
  if (Zeros(header)) return nullptr;
  if (!Sealed(header)) Fail("the archive", "has a header that is not whole", 0);
  const auto left = static_cast<int64_t>(size - at);
  const bool read = ReadField(header.size, sizeof header.size, node.size) && node.size >= 0 && node.size <= left;
  if (!read || static_cast<int64_t>(Padded(static_cast<size_t>(node.size))) > left)
    Fail("the archive", "has an entry that ends behind it", 0);
  node.kind = header.kind;
  node.data = &archive[at];
  at += Padded(static_cast<size_t>(node.size));
  return &header;
}

// What an entry says of the next one's name.
const char* LongText(const Node& node) {
  const auto* text = reinterpret_cast<const char*>(node.data);
  if (!Ends(text, static_cast<size_t>(node.size))) Fail("the archive", "has a name without an end", 0);
  return text;
}

void Place(int root, Node& node) {
  if (const char* wrong = Check(node)) Fail(node.name, wrong, 0);
  if (node.kind == kDirectory) {
    directories[count++] = node;
    const size_t length = Length(node.name);
    if (length == 2) return;
    // The name is ours now.
    if (node.name[length - 1] == '/') const_cast<char*>(node.name)[length - 1] = 0;
  }
  if (const long made = Make(root, node); made < 0) Fail(node.name, "cannot be made", made);
}

}  // namespace

void Extract(const char* directory, size_t size) {
  const int root = Open(AT_FDCWD, directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) Fail(directory, "cannot be opened", root);
  Syscall(SYS_umask, 0);
  const char *name = nullptr, *link = nullptr;
  Node node;
  for (size_t at = 0; const Header* header = Next(at, size, node);) {
    if (node.kind == kLongName) {
      name = LongText(node);
    } else if (node.kind == kLongLink) {
      link = LongText(node);
    } else {
      if (!Ends(header->name, sizeof header->name) || !Ends(header->link, sizeof header->link))
        Fail("the archive", "has a name without an end", 0);
      node.name = name ? name : header->name;
      node.link = link ? link : header->link;
      name = link = nullptr;
      if (!ReadNumbers(*header, node)) Fail(node.name, "has a number that cannot be", 0);
      Place(root, node);
    }
  }
  while (count-- > 0) {
    const long done = FinishDirectory(root, directories[count]);
    if (done < 0) Fail(directories[count].name, "cannot be given its mode", done);
  }
}

}  // namespace vz
