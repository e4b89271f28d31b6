// The export table.
#include "addon.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new vz::Addon());
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("setLauncher", vz::SetLauncher);
  add("spawn", vz::Spawn);
  add("untilWaiting", vz::UntilWaiting);
  add("release", vz::Release);
  add("enter", vz::Enter);
  add("wait", vz::Wait);
  add("listenPacket", vz::ListenPacket);
  add("connectPacket", vz::ConnectPacket);
  add("endPackets", vz::EndPackets);
  add("sendPacket", vz::SendPacketTo);
  add("receivePacket", vz::ReceivePacket);
  add("messagePair", vz::MessagePair);
  add("streamPair", vz::StreamPair);
  add("sendMessage", vz::SendMessage);
  add("receiveMessage", vz::ReceiveMessage);
  add("storedMaster", vz::StoredMaster);
  add("lock", vz::Lock);
  add("exchange", vz::Exchange);
  add("exists", vz::Exists);
  add("mountDevice", vz::MountDevice);
  add("readKernelFile", vz::ReadKernelFile);
  add("isOpen", vz::IsOpen);
  add("openPid", vz::OpenPid);
  add("relativeTimer", vz::RelativeTimer);
  add("endRepair", vz::EndRepair);
  add("signalPid", vz::SignalPid);
  add("moveLink", vz::MoveLink);
  add("netlink", vz::Netlink);
  add("netlinkNow", vz::NetlinkNow);
  add("exchangeFrames", vz::ExchangeFrames);
  add("umount", vz::Umount);
  add("closeOnExec", vz::CloseOnExec);
  add("pipe", vz::Pipe);
  add("unread", vz::Unread);
  add("setWindowSize", vz::SetWindowSize);
  add("readGuestFile", vz::ReadGuestFile);
  add("replaceGuestFile", vz::ReplaceGuestFile);
  add("hashPassword", vz::HashPassword);
  add("hasProjectQuota", vz::HasProjectQuota);
  add("projectOf", vz::ProjectOf);
  add("setProject", vz::SetProject);
  add("setProjectLimits", vz::SetProjectLimits);
  add("projectUsage", vz::ProjectUsage);
  add("growExt4", vz::GrowExt4);
  add("trimExt4", vz::TrimExt4);
  add("tryIdmap", vz::TryIdmap);
  add("isBtrfs", vz::IsBtrfs);
  add("createSubvolume", vz::CreateSubvolume);
  add("snapshotSubvolume", vz::SnapshotSubvolume);
  add("deleteSubvolume", vz::DeleteSubvolume);
  add("limitSubvolume", vz::LimitSubvolume);
  add("mergeLayers", vz::MergeLayers);
  add("clearOrigins", vz::ClearOrigins);
  add("openListing", vz::OpenListing);
  add("nextEntries", vz::NextEntries);
  add("openTree", vz::OpenTree);
  add("addToTree", vz::AddToTree);
  add("finishTree", vz::FinishTree);
  add("closeTree", vz::CloseTree);
  add("readXattrs", vz::ReadXattrs);
  return exports;
}

}  // namespace

NODE_API_MODULE(cella, Init)
