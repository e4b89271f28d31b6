// Making files beneath a directory out of batches of entries, as an archive has them.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "error.h"
#include "fd.h"
#include "tree-batch.h"

namespace vz {

class Tree {
 public:
  // `root` is a directory open for reading.
  explicit Tree(Fd root) : root_(std::move(root)) {}

  // One call at a time, from one thread or another. After a failure nothing more is done.
  Failure Add(std::string_view batch, const Memories& memories);
  // Finishes the last file; gives directories their owners, modes and times, which what is made in them would change.
  Failure Finish();
  // Lets go of all that is open, so that what it lies on can be unmounted.
  void Close();

 private:
  Failure Put(const Entry& entry);
  Failure PutDirectory(const Entry& entry);
  Failure PutFile(const Entry& entry);
  Failure PutLink(const Entry& entry);
  Failure PutNode(const Entry& entry);
  Failure Remove(const Entry& entry);
  Failure Write(std::string_view data);
  Failure Skip(uint64_t size);
  Failure CloseFile();
  Failure FinishDirectory(const Entry& entry);
  int OpenParent(const std::string& path);
  template <typename Make>
  int Replace(const std::string& path, int parent, const std::string& name, Make make);

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
  Failure failure_;
};

}  // namespace vz
