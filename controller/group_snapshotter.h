// CreateVolumeGroupSnapshot and its siblings: snapshots of several volumes at one point in time.
//
// One RBD group per group snapshot, made for it, in the pool that comes first among the volumes'.
// The images are in it only while the snapshot is taken: an image can be in one group at a time,
// and RBD removes none that is in a group. What is left is the group's name, the record of the
// group snapshot and the members' snapshots, so there is no state beside RBD's own. It exists for
// CSI while a complete snapshot of the name kGroupSnapshotName is there; all else in a group of
// ours is on its way in or out, and the next call for it goes on from what it finds.
//
// Blocking; any thread; calls for one group at a time (the RPC lock). Two controllers at one group
// may spoil each other's attempt: who has made it looks again before it answers.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controller/group_store.h"
#include "controller/snapshotter.h"
#include "controller/stores.h"
#include "csi/volume_id.h"

namespace rbdcsi {

inline constexpr char kGroupSnapshotName[] = "snap";
inline constexpr char kGroupSnapshotDeleting[] = "deleting";
// A group of ours without a complete snapshot, unchanged for so long, was left by a dead
// controller whose call nobody has repeated. Taking a snapshot takes a minute at most.
inline constexpr absl::Duration kAbandoned = absl::Minutes(10);

struct GroupRequest {
  VolumeId id;                    // of the group snapshot; `image` is the group's name
  std::vector<VolumeId> volumes;  // none twice
};

struct MemberSnapshot {
  Place place;
  FoundSnapshot found;
};

// Where the group snapshot of `volumes` is; FAILED_PRECONDITION: they are too far apart.
absl::StatusOr<VolumeId> GroupIdFor(const std::string& name, const std::vector<VolumeId>& volumes);

// Undoes what calls have left behind that nobody repeats: a volume whose image is in a group can
// neither be in another one nor give its space back.
absl::Status SweepGroups(GroupStore& groups, absl::Time now);

class GroupSnapshotter {
 public:
  using Members = std::vector<MemberSnapshot>;

  explicit GroupSnapshotter(Stores& stores) : stores_(stores) {}

  // Taken by this call or before. NOT_FOUND: a volume is not there. ALREADY_EXISTS: of other
  // volumes. FAILED_PRECONDITION: the volumes cannot be taken together. RESOURCE_EXHAUSTED: one
  // has too many snapshots. ABORTED: a volume is in another group snapshot that is being taken.
  absl::StatusOr<Members> Create(const GroupRequest& wanted, const Secrets& secrets);
  // NOT_FOUND: none, not yet, or no longer.
  absl::StatusOr<Members> Find(const VolumeId& id, const Secrets& secrets);
  // What is left of one as well; OK when there is nothing.
  absl::Status Delete(const VolumeId& id, const Secrets& secrets);

 private:
  Stores& stores_;
};

}  // namespace rbdcsi
