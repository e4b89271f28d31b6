// Project quotas (quotactl_fd(2), Linux 5.14; Documentation/admin-guide/quota.rst) and the project of a directory.
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <cerrno>

#include "addon.h"
#include "error.h"

namespace vz {
namespace {

constexpr uint64_t kBlock = 1024;  // limits of space are in these (quotactl(2), struct dqblk)

Fd OpenDirectory(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  Fd fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd) throw SystemError(info.Env(), {errno, "open", path, -1});
  return fd;
}

[[noreturn]] void Throw(const Napi::CallbackInfo& info, const char* call) {
  const int error = errno;
  throw SystemError(info.Env(), {error, call, info[0].As<Napi::String>(), -1});
}

long Quotactl(int fd, int command, uint32_t id, void* data) {
  return ::syscall(SYS_quotactl_fd, fd, QCMD(command, PRJQUOTA), id, data);
}

uint64_t Field(const Napi::Object& object, const char* name) {
  bool lossless = true;
  return object.Get(name).As<Napi::BigInt>().Uint64Value(&lossless);
}

}  // namespace

// hasProjectQuota(directory) → whether its file system enforces project quotas
Napi::Value HasProjectQuota(const Napi::CallbackInfo& info) {
  const Fd fd = OpenDirectory(info);
  fs_quota_statv state{};
  state.qs_version = FS_QSTATV_VERSION1;
  const bool on = Quotactl(fd.get(), Q_XGETQSTATV, 0, &state) == 0 && (state.qs_flags & FS_QUOTA_PDQ_ENFD) != 0;
  return Napi::Boolean::New(info.Env(), on);
}

// projectOf(directory) → id
Napi::Value ProjectOf(const Napi::CallbackInfo& info) {
  const Fd fd = OpenDirectory(info);
  fsxattr attributes{};
  if (::ioctl(fd.get(), FS_IOC_FSGETXATTR, &attributes) < 0) Throw(info, "ioctl");
  return Napi::Number::New(info.Env(), attributes.fsx_projid);
}

// setProject(directory, id): what is made in it from now on belongs to the project
Napi::Value SetProject(const Napi::CallbackInfo& info) {
  const Fd fd = OpenDirectory(info);
  fsxattr attributes{};
  if (::ioctl(fd.get(), FS_IOC_FSGETXATTR, &attributes) < 0) Throw(info, "ioctl");
  attributes.fsx_projid = info[1].As<Napi::Number>().Uint32Value();
  attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
  if (::ioctl(fd.get(), FS_IOC_FSSETXATTR, &attributes) < 0) Throw(info, "ioctl");
  return info.Env().Undefined();
}

// setProjectLimits(directory, id, { softBytes, hardBytes, softInodes, hardInodes }): bigints, 0 for no limit
Napi::Value SetProjectLimits(const Napi::CallbackInfo& info) {
  const Fd fd = OpenDirectory(info);
  const auto limits = info[2].As<Napi::Object>();
  if_dqblk quota{};
  quota.dqb_bsoftlimit = Field(limits, "softBytes") / kBlock;
  quota.dqb_bhardlimit = Field(limits, "hardBytes") / kBlock;
  quota.dqb_isoftlimit = Field(limits, "softInodes");
  quota.dqb_ihardlimit = Field(limits, "hardInodes");
  quota.dqb_valid = QIF_LIMITS;
  if (Quotactl(fd.get(), Q_SETQUOTA, info[1].As<Napi::Number>().Uint32Value(), &quota) < 0) Throw(info, "quotactl_fd");
  return info.Env().Undefined();
}

// projectUsage(directory, id) → { bytes, inodes }
Napi::Value ProjectUsage(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Fd fd = OpenDirectory(info);
  if_dqblk quota{};
  if (Quotactl(fd.get(), Q_GETQUOTA, info[1].As<Napi::Number>().Uint32Value(), &quota) < 0) Throw(info, "quotactl_fd");
  Napi::Object usage = Napi::Object::New(env);
  usage.Set("bytes", Napi::BigInt::New(env, static_cast<uint64_t>(quota.dqb_curspace)));
  usage.Set("inodes", Napi::BigInt::New(env, static_cast<uint64_t>(quota.dqb_curinodes)));
  return usage;
}

}  // namespace vz
