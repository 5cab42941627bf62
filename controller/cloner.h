// Volumes from a source: the parent's half of CreateVolume from a snapshot or from a volume.
//
// A clone is a blank image with a parent attached by two class calls (11 OSD operations, where
// librbd's own clone takes 38); its size may be larger than its parent's from the start. A volume
// is cloned by way of a temporary snapshot, which goes to the trash namespace once the clone stands
// on it, and leaves with the clone. Every step may have been done before, by this controller or by
// another one. Blocking; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/image_store.h"
#include "controller/snapshot_store.h"

namespace rbdcsi {

struct CloneSource {
  std::string text;       // the snapshot's or volume's CSI id, for the record and for messages
  std::string image_id;   // of the source volume
  uint64_t snapshot = 0;  // 0: the volume as it is now
  uint64_t size_bytes = 0;
  uint64_t depth = 0;                    // clones that already stand under the source
  std::string temporary;                 // the name of the temporary snapshot; empty: not needed
  std::shared_ptr<SnapshotStore> store;  // of the source's pool
};

// What a clone will stand on.
struct CloneBase {
  class_calls::Parent parent;
  uint64_t size_bytes = 0;
};

// krbd follows no more than 16 parents (RBD_MAX_PARENT_CHAIN_LEN of Linux' rbd.c). Above the first
// number a clone is flattened in the background, at the second one making it has to wait.
inline constexpr uint64_t kFlattenDepth = 4;
inline constexpr uint64_t kMaxDepth = 14;

class Cloner {
 public:
  // Takes the temporary snapshot where one is needed; `half_made` is the parent that a former call
  // has attached already. NOT_FOUND: the source is gone. FAILED_PRECONDITION: it stands on
  // something else.
  absl::StatusOr<CloneBase> Prepare(const CloneSource& source,
                                    const std::optional<class_calls::Parent>& half_made);
  // The image `child_id` of `children`'s pool becomes a clone, marked for flattening when it stands
  // on too many others, and the temporary snapshot goes.
  absl::Status Attach(SnapshotStore& children, const std::string& child_id,
                      const CloneSource& source, const CloneBase& base);
  // The clone will not be made: its temporary snapshot goes, if this call can manage it.
  void Abandon(const CloneSource& source);
};

}  // namespace rbdcsi
