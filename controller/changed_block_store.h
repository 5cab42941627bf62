// What Ceph knows of the blocks of a snapshot: the port between the policy (changed_blocks) and the
// object maps, headers and objects. snapshot_store.h's sibling, for one whole cluster, because a
// clone's parent may lie in another pool.
//
// Every method reads and reports facts; nothing here changes anything. Images go by id, so an image
// in the trash is as good as any. Errors are statuses by error_tables.h, NOT_FOUND for an image or
// a snapshot that is gone. Blocking; one thread; waits end after the timeouts of ceph_handles.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/ceph_handles.h"
#include "controller/extents.h"
#include "controller/object_map.h"
#include "controller/snapshot_calls.h"

namespace rbdcsi {

// A snapshot anywhere in the cluster, as a clone names its parent.
using SnapshotAddress = class_calls::Parent;

struct TrackedImage {
  uint64_t features = 0;
  ObjectLayout layout;
  std::vector<uint64_t> snapshots;  // ids, the newest first, whatever their namespace
  std::optional<SnapshotAddress> parent;

  friend bool operator==(const TrackedImage&, const TrackedImage&) = default;
};

struct TrackedSnapshot {
  uint64_t id = 0;
  uint64_t size_bytes = 0;
  uint64_t overlap_bytes = 0;  // where the parent shows through
  bool map_valid = false;      // of its object map: which objects exist
  bool diff_valid = false;     // which of them were written since the snapshot before

  friend bool operator==(const TrackedSnapshot&, const TrackedSnapshot&) = default;
};

// An error when nobody waits for the answer any more.
using CheckWanted = std::function<absl::Status()>;

class ChangedBlockStore {
 public:
  virtual ~ChangedBlockStore() = default;

  virtual absl::StatusOr<TrackedImage> Look(const SnapshotAddress& at) = 0;
  // Of the image of `at`, in the order of `ids`, read as one. NOT_FOUND: one of them is gone.
  virtual absl::StatusOr<std::vector<TrackedSnapshot>> Snapshots(
      const SnapshotAddress& at, const std::vector<uint64_t>& ids) = 0;
  // Nullopt: there is none.
  virtual absl::StatusOr<std::optional<ObjectMap>> Map(const SnapshotAddress& at) = 0;
  // By asking each object, some hundreds at a time: what the image itself, without its parent, has
  // written up to the snapshot, or changed in it since the one named `base` of the "user"
  // namespace. CheckWanted is asked now and then; its error ends the work.
  virtual absl::StatusOr<std::unique_ptr<ExtentSource>> Ask(const SnapshotAddress& at,
                                                            const std::string& base,
                                                            const CheckWanted& wanted) = 0;
};

std::unique_ptr<ChangedBlockStore> MakeRbdChangedBlockStore(std::shared_ptr<Cluster> cluster);

}  // namespace rbdcsi
