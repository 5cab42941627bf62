// CSI GroupController: requests become domain calls, results become responses.
//
// controller_service.h's sibling, with the same order of checks. Handlers have the shape of
// csi/rpc.h; any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "controller/group_snapshotter.h"
#include "controller/reaper.h"
#include "controller/stores.h"
#include "csi.pb.h"
#include "csi/call.h"

namespace rbdcsi {

class GroupService {
 public:
  GroupService(Stores& stores, Reaper& reaper) : groups_(stores), reaper_(reaper) {}

  // The id that CreateVolumeGroupSnapshot will give; empty when the request is not good enough to
  // say.
  std::string LockKey(const csi::v1::CreateVolumeGroupSnapshotRequest& request);

  absl::StatusOr<csi::v1::CreateVolumeGroupSnapshotResponse> Create(
      const Call& call, const csi::v1::CreateVolumeGroupSnapshotRequest& request);
  absl::StatusOr<csi::v1::DeleteVolumeGroupSnapshotResponse> Delete(
      const Call& call, const csi::v1::DeleteVolumeGroupSnapshotRequest& request);
  absl::StatusOr<csi::v1::GetVolumeGroupSnapshotResponse> Get(
      const Call& call, const csi::v1::GetVolumeGroupSnapshotRequest& request);
  absl::StatusOr<csi::v1::GroupControllerGetCapabilitiesResponse> GetCapabilities(
      const Call& call, const csi::v1::GroupControllerGetCapabilitiesRequest& request);

 private:
  GroupSnapshotter groups_;
  Reaper& reaper_;
};

}  // namespace rbdcsi
