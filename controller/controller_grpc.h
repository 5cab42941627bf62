// The RPC table of the controller: one line per RPC = handler + lock key.
//
// The key is the volume id, which CreateVolume derives from the name, so that calls for one volume
// are ordered in this process. RPCs that are not here answer UNIMPLEMENTED by gRPC's own default.
#pragma once

#include <type_traits>

#include "controller/controller_service.h"
#include "controller/snapshot_service.h"
#include "csi.grpc.pb.h"
#include "csi/rpc.h"

namespace rbdcsi {

class ControllerGrpc final : public csi::v1::Controller::Service {
 public:
  ControllerGrpc(Border& border, ControllerService& volumes, SnapshotService& snapshots)
      : border_(border), volumes_(volumes), snapshots_(snapshots) {}

#define RBDCSI_RPC(part, rpc, handler, message, key)                                       \
  grpc::Status rpc(grpc::ServerContext* context, const csi::v1::message##Request* request, \
                   csi::v1::message##Response* response) override {                        \
    return border_.ServeLocked(context, request, response, part,                           \
                               &std::remove_reference_t<decltype(part)>::handler, key);    \
  }
  // clang-format off
  RBDCSI_RPC(volumes_, CreateVolume, CreateVolume, CreateVolume, volumes_.LockKey(*request))
  RBDCSI_RPC(volumes_, DeleteVolume, DeleteVolume, DeleteVolume, request->volume_id())
  RBDCSI_RPC(volumes_, ControllerPublishVolume, Publish, ControllerPublishVolume,
             request->volume_id())
  RBDCSI_RPC(volumes_, ControllerUnpublishVolume, Unpublish, ControllerUnpublishVolume,
             request->volume_id())
  RBDCSI_RPC(volumes_, ControllerExpandVolume, Expand, ControllerExpandVolume, request->volume_id())
  RBDCSI_RPC(volumes_, ControllerModifyVolume, Modify, ControllerModifyVolume, request->volume_id())
  RBDCSI_RPC(snapshots_, CreateSnapshot, Create, CreateSnapshot, snapshots_.LockKey(*request))
  RBDCSI_RPC(snapshots_, DeleteSnapshot, Delete, DeleteSnapshot, snapshots_.LockKey(*request))
  // Reads need no order.
  RBDCSI_RPC(snapshots_, ListSnapshots, List, ListSnapshots, "")
  RBDCSI_RPC(snapshots_, GetSnapshot, Get, GetSnapshot, "")
  RBDCSI_RPC(volumes_, ValidateVolumeCapabilities, Validate, ValidateVolumeCapabilities, "")
  RBDCSI_RPC(volumes_, ListVolumes, ListVolumes, ListVolumes, "")
  RBDCSI_RPC(volumes_, GetCapacity, GetCapacity, GetCapacity, "")
  RBDCSI_RPC(volumes_, ControllerGetVolume, GetVolume, ControllerGetVolume, "")
  RBDCSI_RPC(volumes_, ControllerGetCapabilities, GetCapabilities, ControllerGetCapabilities, "")
  // clang-format on
#undef RBDCSI_RPC

 private:
  Border& border_;
  ControllerService& volumes_;
  SnapshotService& snapshots_;
};

}  // namespace rbdcsi
