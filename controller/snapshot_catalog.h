// All snapshots, page by page: those of volumes, in the order of (place, image name, snapshot),
// then those of deleted volumes, in the order of (image id, snapshot).
//
// The images are the record, so a snapshot that somebody made with `rbd` is listed as well. A
// page's token is its last entry, so it stays good when snapshots come and go between pages. One
// read per image, one more per image with snapshots. Blocking; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/snapshotter.h"
#include "controller/stores.h"

namespace rbdcsi {

struct SnapshotPosition {
  Place place;
  bool deleted = false;   // an image in the trash, `image` is its id
  std::string image;      // the last one seen there; empty: none
  uint64_t snapshot = 0;  // the last one seen of it

  // "cluster/pool/namespace/v/image/4", the namespace may be empty; "t" for deleted ones.
  std::string ToString() const;
  static std::optional<SnapshotPosition> Parse(std::string_view token);
};

struct ListedSnapshot {
  SnapshotPosition position;
  FoundSnapshot found;
};

struct SnapshotPage {
  std::vector<ListedSnapshot> entries;
  bool more = false;
};

// At most `limit` entries (0: all) after `after`.
struct SnapshotQuery {
  SnapshotPosition after;
  size_t limit = 0;
  const Secrets* secrets = nullptr;  // the request's, or null where it has none
};
absl::StatusOr<SnapshotPage> ListSnapshotPage(Stores& stores, const SnapshotQuery& query);
// All snapshots of one volume and of deleted ones of its name.
absl::StatusOr<std::vector<FoundSnapshot>> SnapshotsOfVolume(const PoolStores& pool,
                                                             const std::string& image);

}  // namespace rbdcsi
