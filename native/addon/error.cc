// errno → Node-shaped system error.
#include "error.h"

#include <cstring>

namespace vz {

Napi::Error SystemError(Napi::Env env, const Failure& failure) {
  const char* name = ::strerrorname_np(failure.error);
  const char* description = ::strerrordesc_np(failure.error);
  const std::string code = name ? name : "EUNKNOWN";
  std::string message = code + ": " + (description ? description : "unknown error") + ", " + failure.syscall;
  if (!failure.path.empty()) message += " '" + failure.path + "'";

  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  error.Set("errno", Napi::Number::New(env, -failure.error));
  error.Set("syscall", Napi::String::New(env, failure.syscall));
  if (!failure.path.empty()) error.Set("path", Napi::String::New(env, failure.path));
  if (failure.step >= 0) error.Set("step", Napi::Number::New(env, static_cast<double>(failure.step)));
  return error;
}

}  // namespace vz
