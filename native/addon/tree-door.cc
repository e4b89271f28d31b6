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

struct Door {
  std::shared_ptr<Tree> tree;
  // Batches wait here for each other, rather than for JavaScript.
  std::shared_ptr<Line> line = std::make_shared<Line>();
};

using Handle = Napi::External<Door>;

Door& DoorOf(const Napi::CallbackInfo& info) { return *info[0].As<Handle>().Data(); }

// Does it in line, then settles the promise that is returned; `held` is kept until then.
Napi::Value InLine(const Napi::CallbackInfo& info, const char* name, const Napi::Object& held,
                   std::function<Failure(Tree&)> work) {
  const auto pending = Pending::New(info.Env(), name);
  pending->Hold(held);
  const Door& door = DoorOf(info);
  door.line->Run([pending, tree = door.tree, work = std::move(work)] { pending->Settle({work(*tree)}); });
  return pending->promise();
}

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
  auto* door = new Door{std::make_shared<Tree>(std::move(root))};
  return Handle::New(info.Env(), door, [](Napi::Env, Door* old) {
    // On its way down, an environment takes along the memory that a batch reads.
    old->line->Close();
    delete old;
  });
}

// addToTree(tree, batch, memories): the batch is copied, so that the caller may fill it again at once; the memories,
// ArrayBuffers with the data, are to stay as they are until the promise settles.
Napi::Value AddToTree(const Napi::CallbackInfo& info) {
  const auto batch = info[1].As<Napi::Uint8Array>();
  const auto list = info[2].As<Napi::Array>();
  Memories memories;
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value value = list[i];
    if (!value.IsArrayBuffer()) throw Napi::TypeError::New(info.Env(), "data is not in an ArrayBuffer");
    auto memory = value.As<Napi::ArrayBuffer>();
    memories.emplace_back(static_cast<const char*>(memory.Data()), memory.ByteLength());
  }
  std::string copy(reinterpret_cast<const char*>(batch.Data()), batch.ByteLength());
  return InLine(info, "cella.addToTree", list, [copy = std::move(copy), memories = std::move(memories)](Tree& tree) {
    return tree.Add(copy, memories);
  });
}

Napi::Value FinishTree(const Napi::CallbackInfo& info) {
  return InLine(info, "cella.finishTree", info[0].As<Napi::Object>(), [](Tree& tree) { return tree.Finish(); });
}

Napi::Value CloseTree(const Napi::CallbackInfo& info) {
  return InLine(info, "cella.closeTree", info[0].As<Napi::Object>(), [](Tree& tree) {
    tree.Close();
    return Failure{};
  });
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
