// Looking up and making paths beneath a directory, with no symbolic link followed: whoever fills that directory
// cannot lead anywhere else.
#pragma once
#include "syscall.h"

namespace vz {

// Flags are those of open(2); a leading slash stands for the directory itself.
int Beneath(int root, const char* path, uint64_t flags);

// Splits "/a/b/c" into a descriptor of "/a/b" and the name "c".
int ParentBeneath(int root, const char* path, const char*& name);

// Makes every directory that is missing on the way, and the last one; returns a descriptor of it.
int DirectoriesBeneath(int root, const char* path);

// The same, for all but the last name.
long ParentsBeneath(int root, const char* path);

}  // namespace vz
