// Making files beneath a directory out of batches of entries, as an archive has them.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "error.h"
#include "fd.h"
#include "tree-batch.h"

namespace vz {

class Tree {
 public:
  // `root` is a directory open for reading.
  explicit Tree(Fd root) : root_(std::move(root)) {}

  Failure Add(const uint8_t* bytes, size_t size);
  // Finishes the last file; gives directories their owners, modes and times, which what is made in them would change.
  Failure Finish();

  // Memory for a batch, used again and again: fresh pages cost more than copying into them.
  using Block = std::vector<uint8_t>;
  Block TakeBlock();
  void GiveBack(Block block);

 private:
  Failure Put(const Entry& entry);
  Failure PutDirectory(const Entry& entry);
  Failure PutFile(const Entry& entry);
  Failure PutLink(const Entry& entry);
  Failure PutNode(const Entry& entry);
  Failure Write(std::string_view data);
  Failure Skip(uint64_t size);
  Failure CloseFile();
  Failure FinishDirectory(const Entry& entry);
  int OpenParent(const std::string& path);
  template <typename Make>
  int Replace(const std::string& path, int parent, const std::string& name, Make make);

  std::mutex mutex_;  // batches come one after the other, from one thread or another
  Fd root_;
  // Entries of one directory mostly follow each other.
  std::string parentPath_;
  Fd parent_;
  // The file whose data is on its way.
  Fd file_;
  Entry fileEntry_;
  uint64_t written_ = 0;
  bool endsInHole_ = false;
  std::map<std::string, Entry> directories_;
  std::mutex spareMutex_;
  std::vector<Block> spare_;
};

}  // namespace vz
