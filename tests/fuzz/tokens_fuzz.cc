// Tokens of pages: a list goes on where its token says, and who sends a token may have changed it.
#include "controller/catalog.h"
#include "controller/snapshot_catalog.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

void CheckPlace(const Place& place, const std::string& image) {
  HOLDS(!place.cluster.empty() && !place.pool.empty() && !image.empty());
  for (const std::string& part : {place.cluster, place.pool, place.rados_namespace, image}) {
    HOLDS(!Contains(part, "/"));
  }
}

}  // namespace

void Fuzz(std::string_view input) {
  const auto volumes = Position::Parse(input);
  if (volumes.has_value()) {
    CheckPlace(volumes->place, volumes->image);
    HOLDS(volumes->ToString() == input);
  }
  if (const auto snapshots = SnapshotPosition::Parse(input)) {
    HOLDS(!volumes.has_value());
    CheckPlace(snapshots->place, snapshots->image);
    // Not the same text: a number has several spellings.
    const auto again = SnapshotPosition::Parse(snapshots->ToString());
    HOLDS(again.has_value() && again->place == snapshots->place &&
          again->deleted == snapshots->deleted && again->image == snapshots->image &&
          again->snapshot == snapshots->snapshot);
  }
}

}  // namespace rbdcsi::fuzz
