// The RPC table of the group controller: one line per RPC = handler + lock key.
//
// controller_grpc.h's sibling. The key is the group snapshot's id; the volumes need none, because
// Ceph lets an image be in one group at a time.
#pragma once

#include "controller/group_service.h"
#include "csi.grpc.pb.h"
#include "csi/rpc.h"

namespace rbdcsi {

class GroupGrpc final : public csi::v1::GroupController::Service {
 public:
  GroupGrpc(Border& border, GroupService& groups) : border_(border), groups_(groups) {}

#define RBDCSI_RPC(rpc, handler, key)                                                             \
  grpc::Status rpc(grpc::ServerContext* context, const csi::v1::rpc##Request* request,            \
                   csi::v1::rpc##Response* response) override {                                   \
    return border_.ServeLocked(context, request, response, groups_, &GroupService::handler, key); \
  }
  // clang-format off
  RBDCSI_RPC(CreateVolumeGroupSnapshot, Create, groups_.LockKey(*request))
  RBDCSI_RPC(DeleteVolumeGroupSnapshot, Delete, request->group_snapshot_id())
  // Reads need no order.
  RBDCSI_RPC(GetVolumeGroupSnapshot, Get, "")
  RBDCSI_RPC(GroupControllerGetCapabilities, GetCapabilities, "")
  // clang-format on
#undef RBDCSI_RPC

 private:
  Border& border_;
  GroupService& groups_;
};

}  // namespace rbdcsi
