// CSI SnapshotMetadata: requests become domain calls, ranges become streams of messages.
//
// snapshot_service.h's sibling, with the same order of checks. Handlers have the shape of
// csi/rpc.h; any thread. What a backup author has to know: docs/changed-blocks.md.
#pragma once

#include "absl/status/status.h"
#include "controller/stores.h"
#include "csi.pb.h"
#include "csi/call.h"
#include "csi/stream.h"

namespace rbdcsi {

class MetadataService {
 public:
  explicit MetadataService(Stores& stores) : stores_(stores) {}

  absl::Status GetMetadataAllocated(const Call& call,
                                    const csi::v1::GetMetadataAllocatedRequest& request,
                                    Outlet<csi::v1::GetMetadataAllocatedResponse>& out);
  absl::Status GetMetadataDelta(const Call& call, const csi::v1::GetMetadataDeltaRequest& request,
                                Outlet<csi::v1::GetMetadataDeltaResponse>& out);

 private:
  Stores& stores_;
};

}  // namespace rbdcsi
