// What calls have left behind that nobody repeats: images that never became volumes, the temporary
// snapshots of clones that were never made, and members of group snapshots that were never taken.
//
// One read for each image of ours, so it is done rarely. Blocking; any thread; several controllers
// may sweep the same place.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controller/snapshot_store.h"
#include "controller/stores.h"

namespace rbdcsi {

// Longer than any CreateVolume whose caller still waits or repeats it.
inline constexpr absl::Duration kAbandonedImage = absl::Hours(1);
inline constexpr absl::Duration kStaleTemporary = absl::Minutes(10);

// The names of those that only stood in for a volume while it was cloned, long ago.
std::vector<std::string> StaleTemporaries(const std::vector<SnapshotInfo>& snapshots,
                                          absl::Time now);
// Removes those and the strays of groups, of a live or deleted image; false: there was none.
absl::StatusOr<bool> RemoveLeftSnapshots(SnapshotStore& store, const Sight& sight, absl::Time now);

// `pause` is called with what each image took; it returns false to stop.
absl::Status Sweep(const OpenedPool& pool, absl::Time now,
                   const std::function<bool(absl::Duration)>& pause);

}  // namespace rbdcsi
