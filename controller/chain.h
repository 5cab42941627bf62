// How many clones stand on one another, and how many snapshots only clones hold: both are bounded
// by flattening clones in the background.
//
// krbd follows 16 parents and maps no image with more than 510 snapshots (RBD_MAX_PARENT_CHAIN_LEN
// and RBD_MAX_SNAP_COUNT of Linux' rbd.c). The functions here look and leave marks
// (flatten_marks.h); the flattener does the work. Blocking; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/cloner.h"
#include "controller/snapshot_store.h"

namespace rbdcsi {

// From here on the clones that hold removed snapshots of an image are flattened, those of the
// oldest snapshots first, and at most so many more with each call.
inline constexpr size_t kCrowdedSnapshots = 250;
inline constexpr size_t kMarkedAtOnce = 4;

// The clones from `image` down, itself first; what stands at the bottom is not one. One read each.
absl::StatusOr<std::vector<ImageAddress>> WalkChain(SnapshotStore& store,
                                                    const ImageAddress& image);

// What the source's record says of its depth is an upper bound. When that is too much for one more
// clone, `source.depth` becomes what it really is. ABORTED: too deep for now; its clones are
// marked.
absl::Status BoundDepth(CloneSource& source, bool has_record);

// Marks as above when `snapshots` of the image are many. ABORTED: as many as it may have, some of
// which will go. RESOURCE_EXHAUSTED: as many as it may have. `what` begins the message.
struct CrowdedImage {
  std::string what;
  std::string image_id;
  const std::vector<uint64_t>& snapshots;
};
absl::Status MakeRoom(SnapshotStore& store, const CrowdedImage& image);

}  // namespace rbdcsi
