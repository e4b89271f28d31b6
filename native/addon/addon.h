// What one environment (one `require`) of the addon holds, and the functions it exports.
#pragma once
#include <napi.h>

#include "fd.h"

namespace vz {

// An argument that is a small number, such as a descriptor.
inline int Number(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::Number>().Int32Value(); }

struct Addon {
  Fd launcher;  // sealed copy of the launcher program
};

Napi::Value SetLauncher(const Napi::CallbackInfo& info);
Napi::Value Spawn(const Napi::CallbackInfo& info);
Napi::Value UntilWaiting(const Napi::CallbackInfo& info);
Napi::Value Release(const Napi::CallbackInfo& info);
Napi::Value Enter(const Napi::CallbackInfo& info);
Napi::Value Wait(const Napi::CallbackInfo& info);

Napi::Value ListenPacket(const Napi::CallbackInfo& info);
Napi::Value ConnectPacket(const Napi::CallbackInfo& info);
Napi::Value EndPackets(const Napi::CallbackInfo& info);
Napi::Value SendPacketTo(const Napi::CallbackInfo& info);
Napi::Value ReceivePacket(const Napi::CallbackInfo& info);

Napi::Value MessagePair(const Napi::CallbackInfo& info);
Napi::Value StreamPair(const Napi::CallbackInfo& info);
Napi::Value SendMessage(const Napi::CallbackInfo& info);
Napi::Value ReceiveMessage(const Napi::CallbackInfo& info);
Napi::Value StoredMaster(const Napi::CallbackInfo& info);

Napi::Value Lock(const Napi::CallbackInfo& info);
Napi::Value Exists(const Napi::CallbackInfo& info);
Napi::Value MountDevice(const Napi::CallbackInfo& info);
Napi::Value ReadKernelFile(const Napi::CallbackInfo& info);
Napi::Value IsOpen(const Napi::CallbackInfo& info);
Napi::Value Exchange(const Napi::CallbackInfo& info);
Napi::Value OpenPid(const Napi::CallbackInfo& info);
Napi::Value RelativeTimer(const Napi::CallbackInfo& info);
Napi::Value EndRepair(const Napi::CallbackInfo& info);
Napi::Value SignalPid(const Napi::CallbackInfo& info);
Napi::Value MoveLink(const Napi::CallbackInfo& info);
Napi::Value Netlink(const Napi::CallbackInfo& info);
Napi::Value NetlinkNow(const Napi::CallbackInfo& info);
Napi::Value ExchangeFrames(const Napi::CallbackInfo& info);
Napi::Value Umount(const Napi::CallbackInfo& info);
Napi::Value CloseOnExec(const Napi::CallbackInfo& info);
Napi::Value Pipe(const Napi::CallbackInfo& info);
Napi::Value Unread(const Napi::CallbackInfo& info);
Napi::Value SetWindowSize(const Napi::CallbackInfo& info);

Napi::Value ReadGuestFile(const Napi::CallbackInfo& info);
Napi::Value ReplaceGuestFile(const Napi::CallbackInfo& info);
Napi::Value HashPassword(const Napi::CallbackInfo& info);

Napi::Value HasProjectQuota(const Napi::CallbackInfo& info);
Napi::Value ProjectOf(const Napi::CallbackInfo& info);
Napi::Value SetProject(const Napi::CallbackInfo& info);
Napi::Value SetProjectLimits(const Napi::CallbackInfo& info);
Napi::Value ProjectUsage(const Napi::CallbackInfo& info);
Napi::Value GrowExt4(const Napi::CallbackInfo& info);
Napi::Value TrimExt4(const Napi::CallbackInfo& info);
Napi::Value TryIdmap(const Napi::CallbackInfo& info);
Napi::Value IsBtrfs(const Napi::CallbackInfo& info);
Napi::Value CreateSubvolume(const Napi::CallbackInfo& info);
Napi::Value SnapshotSubvolume(const Napi::CallbackInfo& info);
Napi::Value DeleteSubvolume(const Napi::CallbackInfo& info);
Napi::Value LimitSubvolume(const Napi::CallbackInfo& info);
Napi::Value MergeLayers(const Napi::CallbackInfo& info);
Napi::Value ClearOrigins(const Napi::CallbackInfo& info);
Napi::Value OpenListing(const Napi::CallbackInfo& info);
Napi::Value NextEntries(const Napi::CallbackInfo& info);
Napi::Value OpenTree(const Napi::CallbackInfo& info);
Napi::Value AddToTree(const Napi::CallbackInfo& info);
Napi::Value FinishTree(const Napi::CallbackInfo& info);
Napi::Value CloseTree(const Napi::CallbackInfo& info);
Napi::Value ReadXattrs(const Napi::CallbackInfo& info);

}  // namespace vz
