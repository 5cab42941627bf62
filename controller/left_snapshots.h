// Snapshots on an image that nobody will ask for again, and which this driver or Ceph has left
// there.
//
// Temporary ones of clones that were never made; members of group snapshots that were never taken;
// and those whose removal was cut short. librbd (16.2.15) removes a snapshot in three steps: it
// moves it to the "trash" namespace, gives its number back to Ceph, takes it out of the image. A
// process that dies before the last leaves a snapshot that no list shows, while all who write the
// image still keep a copy of what they overwrite for a number that Ceph has forgotten after 3 to 7
// seconds (measured). Above all such a one has to be gone before its image is removed: librbd
// removes the data as one who knows of the snapshot, and then a copy of the whole image stays,
// which only the daily scrub of the OSDs finds (measured).
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
// Removed, but for what its remover still had to do; or it is at it right now.
bool IsHalfRemoved(const SnapshotInfo& snapshot);

// Finishes the removals of `snapshots` of an image that were cut short; false: there was none. A
// removal that is under way looks the same, so it gets two seconds to end by itself.
absl::StatusOr<bool> FinishRemovals(SnapshotStore& store, const std::string& image_id,
                                    const std::vector<SnapshotInfo>& snapshots);
// Removes all kinds of them, of a live or deleted image; false: there was none.
absl::StatusOr<bool> RemoveLeftSnapshots(SnapshotStore& store, const Sight& sight, absl::Time now);

}  // namespace rbdcsi
