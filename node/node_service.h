// CSI Node: messages in, domain requests out, and back. Required fields first (INVALID_ARGUMENT),
// then whether the id can be a volume at all (NOT_FOUND, or OK where an absent volume is fine),
// then the work. Any thread; the RPC table (node_grpc.h) keeps the calls of one volume apart.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "csi.pb.h"
#include "csi/call.h"
#include "csi/node_id.h"
#include "node/device_mapper.h"
#include "node/inspector.h"
#include "node/path.h"
#include "node/publisher.h"
#include "node/stager.h"

namespace rbdcsi {

struct NodeServiceOptions {
  NodeId node;
  std::string keys_directory = {};
  int64_t max_volumes = 0;  // 0: Kubernetes decides
  std::string cgroup_root = "/sys/fs/cgroup";
};

class NodeService {
 public:
  NodeService(NodeServiceOptions options, DeviceMapper& mapper, const AllowedPaths& paths)
      : options_(std::move(options)),
        stager_(mapper, paths),
        publisher_(mapper, paths, options_.cgroup_root),
        inspector_(mapper, paths) {}

  absl::StatusOr<csi::v1::NodeStageVolumeResponse> Stage(
      const Call& call, const csi::v1::NodeStageVolumeRequest& request);
  absl::StatusOr<csi::v1::NodeUnstageVolumeResponse> Unstage(
      const Call& call, const csi::v1::NodeUnstageVolumeRequest& request);
  absl::StatusOr<csi::v1::NodePublishVolumeResponse> Publish(
      const Call& call, const csi::v1::NodePublishVolumeRequest& request);
  absl::StatusOr<csi::v1::NodeUnpublishVolumeResponse> Unpublish(
      const Call& call, const csi::v1::NodeUnpublishVolumeRequest& request);
  absl::StatusOr<csi::v1::NodeGetVolumeStatsResponse> GetVolumeStats(
      const Call& call, const csi::v1::NodeGetVolumeStatsRequest& request);
  absl::StatusOr<csi::v1::NodeExpandVolumeResponse> Expand(
      const Call& call, const csi::v1::NodeExpandVolumeRequest& request);
  absl::StatusOr<csi::v1::NodeGetInfoResponse> GetInfo(const Call& call,
                                                       const csi::v1::NodeGetInfoRequest& request);
  absl::StatusOr<csi::v1::NodeGetCapabilitiesResponse> GetCapabilities(
      const Call& call, const csi::v1::NodeGetCapabilitiesRequest& request);

 private:
  NodeServiceOptions options_;
  Stager stager_;
  Publisher publisher_;
  Inspector inspector_;
};

}  // namespace rbdcsi
