// CSI Controller, the part about snapshots: requests become domain calls, results become responses.
//
// controller_service.h's sibling, with the same order of checks. Handlers have the shape of
// csi/rpc.h; any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "controller/reaper.h"
#include "controller/snapshotter.h"
#include "controller/stores.h"
#include "csi.pb.h"
#include "csi/call.h"

namespace rbdcsi {

class SnapshotService {
 public:
  SnapshotService(Stores& stores, Reaper& reaper) : stores_(stores), reaper_(reaper) {}

  // What CreateSnapshot locks: the name in its pool, so that two volumes' calls for one name are
  // ordered; empty when the request is not good enough to say.
  std::string LockKey(const csi::v1::CreateSnapshotRequest& request);
  std::string LockKey(const csi::v1::DeleteSnapshotRequest& request);

  absl::StatusOr<csi::v1::CreateSnapshotResponse> Create(
      const Call& call, const csi::v1::CreateSnapshotRequest& request);
  absl::StatusOr<csi::v1::DeleteSnapshotResponse> Delete(
      const Call& call, const csi::v1::DeleteSnapshotRequest& request);
  absl::StatusOr<csi::v1::GetSnapshotResponse> Get(const Call& call,
                                                   const csi::v1::GetSnapshotRequest& request);
  absl::StatusOr<csi::v1::ListSnapshotsResponse> List(const Call& call,
                                                      const csi::v1::ListSnapshotsRequest& request);

 private:
  absl::StatusOr<csi::v1::ListSnapshotsResponse> ListOne(
      const csi::v1::ListSnapshotsRequest& request);
  absl::StatusOr<csi::v1::ListSnapshotsResponse> ListVolume(
      const csi::v1::ListSnapshotsRequest& request);

  Stores& stores_;
  Reaper& reaper_;
  Snapshotter snapshotter_;
};

}  // namespace rbdcsi
