// A CSI client on one unix socket, as a sidecar or the kubelet is one: one channel for all callers.
// Any thread. Sizes in bytes. A failed call keeps its code; the message names the call.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "csi.grpc.pb.h"

namespace rbdcsi {

using StringMap = std::map<std::string, std::string>;

class CsiClient {
 public:
  explicit CsiClient(const std::string& socket);

  struct Wanted {
    std::string name;
    uint64_t size_bytes = 0;
    StringMap parameters;
    std::string from_snapshot = {};  // a snapshot id, or empty
    std::string from_volume = {};    // a volume id, or empty
  };
  absl::StatusOr<std::string> CreateVolume(const Wanted& wanted);  // the volume id
  absl::Status DeleteVolume(const std::string& volume_id);
  absl::Status Expand(const std::string& volume_id, uint64_t size_bytes);

  struct VolumePage {
    int entries = 0;
    std::string next_token;  // empty: the last page
  };
  struct PageWanted {
    int max_entries = 0;  // 0: all
    std::string token = {};
  };
  absl::StatusOr<VolumePage> ListVolumes(const PageWanted& wanted);

  struct WantedSnapshot {
    std::string volume_id;
    std::string name;
  };
  absl::StatusOr<std::string> CreateSnapshot(const WantedSnapshot& wanted);  // the snapshot id
  absl::Status DeleteSnapshot(const std::string& snapshot_id);

  struct Attachment {
    std::string volume_id;
    std::string node_id;
  };
  absl::Status Publish(const Attachment& attachment);
  absl::Status Unpublish(const Attachment& attachment);

  struct Staging {
    std::string volume_id;
    StringMap publish_context;
    std::string path;
  };
  absl::Status Stage(const Staging& staging);
  absl::Status Unstage(const Staging& staging);

  absl::Status Probe();

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<csi::v1::Identity::Stub> identity_;
  std::unique_ptr<csi::v1::Controller::Stub> controller_;
  std::unique_ptr<csi::v1::Node::Stub> node_;
};

}  // namespace rbdcsi
