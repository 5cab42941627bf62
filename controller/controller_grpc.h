// The RPC table of the controller: one line per RPC = handler + lock key.
//
// The key is the volume id, which CreateVolume derives from the name, so that calls for one volume
// are ordered in this process. RPCs that are not here answer UNIMPLEMENTED by gRPC's own default.
#pragma once

#include "controller/controller_service.h"
#include "csi.grpc.pb.h"
#include "csi/rpc.h"

namespace rbdcsi {

class ControllerGrpc final : public csi::v1::Controller::Service {
 public:
  ControllerGrpc(Border& border, ControllerService& service) : border_(border), service_(service) {}

#define RBDCSI_RPC(rpc, handler, message, key)                                                    \
  grpc::Status rpc(grpc::ServerContext* context, const csi::v1::message##Request* request,        \
                   csi::v1::message##Response* response) override {                               \
    return border_.ServeLocked(context, request, response, service_, &ControllerService::handler, \
                               key);                                                              \
  }
  // clang-format off
  RBDCSI_RPC(CreateVolume, CreateVolume, CreateVolume, service_.LockKey(*request))
  RBDCSI_RPC(DeleteVolume, DeleteVolume, DeleteVolume, request->volume_id())
  RBDCSI_RPC(ControllerPublishVolume, Publish, ControllerPublishVolume, request->volume_id())
  RBDCSI_RPC(ControllerUnpublishVolume, Unpublish, ControllerUnpublishVolume, request->volume_id())
  RBDCSI_RPC(ControllerExpandVolume, Expand, ControllerExpandVolume, request->volume_id())
  // Reads need no order.
  RBDCSI_RPC(ValidateVolumeCapabilities, Validate, ValidateVolumeCapabilities, "")
  RBDCSI_RPC(ListVolumes, ListVolumes, ListVolumes, "")
  RBDCSI_RPC(GetCapacity, GetCapacity, GetCapacity, "")
  RBDCSI_RPC(ControllerGetVolume, GetVolume, ControllerGetVolume, "")
  RBDCSI_RPC(ControllerGetCapabilities, GetCapabilities, ControllerGetCapabilities, "")
  // clang-format on
#undef RBDCSI_RPC

 private:
  Border& border_;
  ControllerService& service_;
};

}  // namespace rbdcsi
