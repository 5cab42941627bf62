// The RPC table of Node: one line per RPC, its handler and its lock. Calls that change something
// are one at a time per volume; the others read the kernel and need no order.
#pragma once

#include "csi.grpc.pb.h"
#include "csi/rpc.h"
#include "node/node_service.h"

namespace rbdcsi {

class NodeGrpc final : public csi::v1::Node::Service {
 public:
  NodeGrpc(Border& border, NodeService& service) : border_(border), service_(service) {}

#define RBDCSI_NODE_RPC(rpc)                                                                       \
  grpc::Status Node##rpc(grpc::ServerContext* context, const csi::v1::Node##rpc##Request* request, \
                         csi::v1::Node##rpc##Response* response) override
  RBDCSI_NODE_RPC(StageVolume) {
    return border_.ServeLocked(context, request, response, service_, &NodeService::Stage,
                               request->volume_id());
  }
  RBDCSI_NODE_RPC(UnstageVolume) {
    return border_.ServeLocked(context, request, response, service_, &NodeService::Unstage,
                               request->volume_id());
  }
  RBDCSI_NODE_RPC(PublishVolume) {
    return border_.ServeLocked(context, request, response, service_, &NodeService::Publish,
                               request->volume_id());
  }
  RBDCSI_NODE_RPC(UnpublishVolume) {
    return border_.ServeLocked(context, request, response, service_, &NodeService::Unpublish,
                               request->volume_id());
  }
  RBDCSI_NODE_RPC(ExpandVolume) {
    return border_.ServeLocked(context, request, response, service_, &NodeService::Expand,
                               request->volume_id());
  }
  RBDCSI_NODE_RPC(GetVolumeStats) {
    return border_.Serve(context, request, response, service_, &NodeService::GetVolumeStats);
  }
  RBDCSI_NODE_RPC(GetInfo) {
    return border_.Serve(context, request, response, service_, &NodeService::GetInfo);
  }
  RBDCSI_NODE_RPC(GetCapabilities) {
    return border_.Serve(context, request, response, service_, &NodeService::GetCapabilities);
  }
#undef RBDCSI_NODE_RPC

 private:
  Border& border_;
  NodeService& service_;
};

}  // namespace rbdcsi
