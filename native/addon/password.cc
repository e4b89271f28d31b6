// Passwords as crypt(5) has them, by the host's libcrypt.
#include <crypt.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "addon.h"
#include "promise.h"

namespace vz {
namespace {

// SHA-512 is what every guest's C library knows; a multiple of its default effort.
constexpr char kMethod[] = "$6$";
constexpr unsigned long kRounds = 100'000;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

int Hash(const std::string& password, std::string& hash) {
  const std::unique_ptr<char, Free> setting{::crypt_gensalt_ra(kMethod, kRounds, nullptr, 0)};
  if (!setting) return errno;
  void* memory = nullptr;
  int size = 0;
  const char* const made = ::crypt_ra(password.c_str(), setting.get(), &memory, &size);
  const std::unique_ptr<void, Free> owned{memory};
  if (made == nullptr) return errno;
  hash = made;
  ::explicit_bzero(memory, static_cast<size_t>(size));
  return 0;
}

}  // namespace

// hashPassword(password) → its hash with a fresh salt. ERANGE: it is too long.
Napi::Value HashPassword(const Napi::CallbackInfo& info) {
  const std::string password = info[0].As<Napi::String>();
  return InThread(info.Env(), "cella.password", [password]() -> Outcome {
    const auto hash = std::make_shared<std::string>();
    const int error = Hash(password, *hash);
    return {{error, "crypt", "", -1},
            [hash](Napi::Env env) -> Napi::Value { return Napi::String::New(env, *hash); }};
  });
}

}  // namespace vz
