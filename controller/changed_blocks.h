// Which bytes of a snapshot hold data, and which differ from an earlier one of the same volume.
//
// The answer covers whole objects and never misses a byte that differs. It comes from the object
// maps where they can be trusted: 64 KiB for each snapshot of 1 TiB, four of which are in memory
// at once, and no object is asked. Else each object is asked, some hundreds at a time. Nothing is
// held back by a snapshot that is removed meanwhile: what was read is compared with the header
// before and after, and read again if that has moved on. Blocking; one thread, one request.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/changed_block_store.h"
#include "controller/extents.h"
#include "controller/snapshot_calls.h"

namespace rbdcsi {

class ChangedBlocks {
 public:
  // Both outlive what the methods return.
  ChangedBlocks(ChangedBlockStore& store, const CheckWanted& wanted)
      : store_(store), wanted_(wanted) {}

  // Of a clone also what its parents provide. NOT_FOUND: no such snapshot.
  absl::StatusOr<std::unique_ptr<ExtentSource>> Allocated(const SnapshotAddress& at);
  // `base` is an older snapshot of the same image. NOT_FOUND: one of both is gone.
  // FAILED_PRECONDITION: nothing in Ceph tells the two apart.
  absl::StatusOr<std::unique_ptr<ExtentSource>> Delta(const SnapshotAddress& target,
                                                      const class_calls::SnapshotInfo& base);

 private:
  // The image and its snapshots from base to target, the oldest first.
  struct Line {
    TrackedImage image;
    std::vector<TrackedSnapshot> snapshots;

    friend bool operator==(const Line&, const Line&) = default;
  };
  using Sources = std::vector<std::unique_ptr<ExtentSource>>;

  absl::StatusOr<Line> Look(const SnapshotAddress& target, uint64_t base);
  absl::Status AddLevels(const SnapshotAddress& at, Sources* levels);
  absl::StatusOr<std::unique_ptr<ExtentSource>> OwnBlocks(const SnapshotAddress& at,
                                                          const Line& line);
  absl::StatusOr<std::optional<ObjectSet>> ChangedObjects(const SnapshotAddress& target,
                                                          const Line& line);
  absl::StatusOr<std::unique_ptr<ExtentSource>> DeltaOnce(const SnapshotAddress& target,
                                                          const class_calls::SnapshotInfo& base);
  absl::StatusOr<std::unique_ptr<ExtentSource>> WithoutMaps(const SnapshotAddress& target,
                                                            const class_calls::SnapshotInfo& base);

  ChangedBlockStore& store_;
  const CheckWanted& wanted_;
};

}  // namespace rbdcsi
