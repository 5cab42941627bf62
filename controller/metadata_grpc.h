// The RPC table of SnapshotMetadata: one line per RPC. Reads alone, so nothing is locked.
#pragma once

#include "controller/metadata_service.h"
#include "csi.grpc.pb.h"
#include "csi/rpc.h"

namespace rbdcsi {

class MetadataGrpc final : public csi::v1::SnapshotMetadata::Service {
 public:
  MetadataGrpc(Border& border, MetadataService& service) : border_(border), service_(service) {}

#define RBDCSI_STREAM(rpc)                                                                 \
  grpc::Status rpc(grpc::ServerContext* context, const csi::v1::rpc##Request* request,     \
                   grpc::ServerWriter<csi::v1::rpc##Response>* writer) override {          \
    return border_.ServeStream(context, request, writer, service_, &MetadataService::rpc); \
  }
  RBDCSI_STREAM(GetMetadataAllocated)
  RBDCSI_STREAM(GetMetadataDelta)
#undef RBDCSI_STREAM

 private:
  Border& border_;
  MetadataService& service_;
};

}  // namespace rbdcsi
