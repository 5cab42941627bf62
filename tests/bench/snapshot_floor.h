// The raw librbd calls that the RPCs for snapshots and clones come down to: ceph_floor.h's other
// half. Clones are of format 2 (no protection of the parent, no copy), which is what the driver
// makes. All take names in the connection's pool and leave nothing open. Any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "tests/bench/ceph_connection.h"
#include "tests/bench/ceph_floor.h"

namespace rbdcsi {

class SnapshotFloor {
 public:
  explicit SnapshotFloor(CephConnection& connection) : connection_(connection) {}

  struct Snapshot {
    std::string image;
    std::string name;
  };
  struct Child {
    std::string image;
    ImageShape shape;  // the size is the parent's
  };
  absl::Status Take(const Snapshot& snapshot);
  absl::Status Find(const Snapshot& snapshot);
  absl::Status Remove(const Snapshot& snapshot);
  absl::Status Clone(const Snapshot& parent, const Child& child);
  // An image as it is now, by way of the snapshot, which is gone afterwards.
  absl::Status CloneNow(const Snapshot& parent, const Child& child);
  // With all its snapshots.
  absl::Status RemoveImage(const std::string& image);

 private:
  CephConnection& connection_;
};

}  // namespace rbdcsi
