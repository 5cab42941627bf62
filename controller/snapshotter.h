// CreateSnapshot, DeleteSnapshot and finding a snapshot again.
//
// A CSI snapshot is a plain RBD snapshot of its volume's image: one round of the monitors, no
// clone. It outlives its volume: a deleted volume with snapshots stays in the trash, where its
// snapshots are found, restored and removed by the image's id. Blocking; any thread; calls for one
// snapshot at a time (the RPC lock).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/provisioner.h"
#include "controller/snapshot_store.h"
#include "csi/snapshot_id.h"

namespace rbdcsi {

// krbd maps no image with more (RBD_MAX_SNAP_COUNT of Linux' rbd.c is 510), those in the trash
// namespace included; some are left for the clones of volumes.
inline constexpr size_t kMaxSnapshots = 480;

// Snapshots that only stand in for a volume while it is cloned; nobody else's.
inline constexpr std::string_view kTemporaryPrefix = "rbd-csi.clone.";

struct SnapshotSpec {
  std::string image;     // the source volume's
  std::string snapshot;  // RBD's name of it
  std::string name;      // the CSI name
};

struct FoundSnapshot {
  std::string image;  // the source volume's, by the name it has or had
  std::string image_id;
  SnapshotInfo info;
  std::string record;  // of the source volume; empty: none
};

// One that a user of CSI may see: made by name, or a member of a group; not what is left of removed
// ones, nor our own temporary ones.
bool IsListed(const SnapshotInfo& snapshot);

// An image's name, also of one in the trash; empty: no such image.
absl::StatusOr<std::string> ImageNameOf(const PoolStores& pool, const std::string& image_id);

// What stands for a member's name in an id that leaves the image out: the members of a group
// snapshot have one name on all their images.
std::string MemberName(const std::string& image_id, uint64_t snapshot);

class Snapshotter {
 public:
  // The snapshot, taken by this call or before. NOT_FOUND: no such volume. ALREADY_EXISTS: another
  // volume has a snapshot of this name. ABORTED, RESOURCE_EXHAUSTED: the volume has too many
  // (chain.h).
  absl::StatusOr<FoundSnapshot> Create(const PoolStores& pool, const SnapshotSpec& wanted);
  // OK also when there is none. INVALID_ARGUMENT: a member of a group snapshot, which goes with it.
  absl::Status Delete(const PoolStores& pool, const SnapshotId& id);
  absl::StatusOr<FoundSnapshot> Find(const PoolStores& pool, const SnapshotId& id);

 private:
  absl::StatusOr<std::optional<FoundSnapshot>> CreateOnce(const PoolStores& pool,
                                                          const SnapshotSpec& wanted);
};

}  // namespace rbdcsi
