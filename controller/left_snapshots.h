// Snapshots on an image that nobody will ask for again, and which this driver or Ceph has left
// there.
//
// Temporary ones of clones that were never made, and members of group snapshots that were never
// taken.
//
// Blocking; any thread; several controllers may look after the same image.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controller/image_store.h"
#include "controller/snapshot_store.h"

namespace rbdcsi {

inline constexpr absl::Duration kStaleTemporary = absl::Minutes(10);

// The names of those that only stood in for a volume while it was cloned, long ago.
std::vector<std::string> StaleTemporaries(const std::vector<SnapshotInfo>& snapshots,
                                          absl::Time now);
// Removes both kinds, of a live or deleted image; false: there was none.
absl::StatusOr<bool> RemoveLeftSnapshots(SnapshotStore& store, const Sight& sight, absl::Time now);

}  // namespace rbdcsi
