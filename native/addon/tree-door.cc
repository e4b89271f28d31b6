// Trees as JavaScript holds them, and reading the extended attributes that Node has no call for.
#include <fcntl.h>
#include <sys/xattr.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <vector>

#include "addon.h"
#include "promise.h"
#include "tree.h"

namespace vz {
namespace {

using Handle = Napi::External<std::shared_ptr<Tree>>;

std::shared_ptr<Tree> TreeOf(const Napi::CallbackInfo& info) { return *info[0].As<Handle>().Data(); }

std::string Bytes(const Napi::Value& value) {
  const auto bytes = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength()};
}

}  // namespace

// openTree(directory) → what addToTree and finishTree take.
Napi::Value OpenTree(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  Fd root{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!root) throw SystemError(info.Env(), {errno, "open", path, -1});
  auto* tree = new std::shared_ptr<Tree>(std::make_shared<Tree>(std::move(root)));
  return Handle::New(info.Env(), tree, [](Napi::Env, std::shared_ptr<Tree>* old) { delete old; });
}

// addToTree(tree, batch): the batch is copied, so that the caller may fill it again at once, and so that it is there
// even if the environment is not any more.
Napi::Value AddToTree(const Napi::CallbackInfo& info) {
  const auto batch = info[1].As<Napi::Uint8Array>();
  const std::shared_ptr<Tree> tree = TreeOf(info);
  const auto copy = std::make_shared<Tree::Block>(tree->TakeBlock());
  copy->assign(batch.Data(), batch.Data() + batch.ByteLength());
  return InThread(info.Env(), "cella.addToTree", [tree, copy]() -> Outcome {
    Failure failure = tree->Add(copy->data(), copy->size());
    tree->GiveBack(std::move(*copy));
    return {std::move(failure)};
  });
}

Napi::Value FinishTree(const Napi::CallbackInfo& info) {
  return InThread(info.Env(), "cella.finishTree", [tree = TreeOf(info)]() -> Outcome { return {tree->Finish()}; });
}

// readXattrs(path as bytes) → [name, value as bytes][], of the link itself where it is one.
Napi::Value ReadXattrs(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = Bytes(info[0]);
  Napi::Array result = Napi::Array::New(env);
  char names[1 << 16];  // XATTR_LIST_MAX, and as much for a value (XATTR_SIZE_MAX)
  const ssize_t size = ::llistxattr(path.c_str(), names, sizeof names);
  if (size < 0 && errno == ENOTSUP) return result;
  if (size < 0) throw SystemError(env, {errno, "llistxattr", path, -1});
  for (const char* name = names; name < names + size; name += std::string_view(name).size() + 1) {
    std::vector<char> value(1 << 16);
    const ssize_t length = ::lgetxattr(path.c_str(), name, value.data(), value.size());
    if (length < 0) throw SystemError(env, {errno, "lgetxattr", path, -1});
    Napi::Array pair = Napi::Array::New(env, 2);
    pair.Set(0u, Napi::String::New(env, name));
    pair.Set(1u, Napi::Buffer<char>::Copy(env, value.data(), static_cast<size_t>(length)));
    result.Set(result.Length(), pair);
  }
  return result;
}

}  // namespace vz
