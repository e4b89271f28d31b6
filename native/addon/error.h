// Native failures as the errors that Node's own fs functions throw: { code, errno, syscall, path }.
#pragma once
#include <napi.h>

#include <string>

namespace vz {

struct Failure {
  int error = 0;
  std::string syscall, path;
  int64_t step = -1;  // index of the plan's step that failed, where one did
};

Napi::Error SystemError(Napi::Env env, const Failure& failure);

}  // namespace vz
