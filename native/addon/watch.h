// Descriptors that the event loop itself watches: no thread, and no hop from one to another.
#pragma once
#include <napi.h>
#include <uv.h>

#include <functional>

namespace vz {

class Watch {
 public:
  // Called on the JavaScript thread when the descriptor is readable, again and again until it returns false.
  using OnReadable = std::function<bool(Napi::Env env)>;

  // The descriptor stays the caller's, open until then. In the background it does not keep the process alive.
  // Returns 0 or an errno.
  static int Start(Napi::Env env, int fd, bool background, OnReadable onReadable);

 private:
  Watch(Napi::Env env, OnReadable onReadable);
  static void Readable(uv_poll_t* poll, int status, int events);
  static void Teardown(napi_async_cleanup_hook_handle, void* self);
  void Close();
  uv_poll_t poll_ = {};
  Napi::Env env_;
  OnReadable onReadable_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

}  // namespace vz
