// Ids of group snapshots: where one is follows from its volumes, in whatever order they are named.
#include <algorithm>
#include <vector>

#include "controller/group_snapshotter.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/fuzz.h"

namespace rbdcsi::fuzz {
namespace {

bool AreTogether(const std::vector<VolumeId>& volumes) {
  return std::all_of(volumes.begin(), volumes.end(), [&](const VolumeId& volume) {
    return volume.cluster == volumes.front().cluster &&
           volume.rados_namespace == volumes.front().rados_namespace;
  });
}

}  // namespace

// First line: the name; then one volume a line.
void Fuzz(std::string_view input) {
  std::vector<VolumeId> volumes;
  const std::vector<std::string> lines = Lines(input);
  for (size_t i = 1; i < lines.size(); ++i) {
    if (const auto volume = VolumeId::Parse(lines[i])) {
      volumes.push_back(*volume);
    }
  }
  if (volumes.empty()) {
    return;
  }
  const auto id = GroupIdFor(lines[0], volumes);
  HOLDS(id.ok() == AreTogether(volumes));
  if (!id.ok()) {
    HOLDS(absl::IsFailedPrecondition(id.status()));
    return;
  }
  HOLDS(id->image == ImageNameFor(lines[0]));
  HOLDS(std::any_of(volumes.begin(), volumes.end(),
                    [&](const VolumeId& volume) { return volume.pool == id->pool; }));
  std::reverse(volumes.begin(), volumes.end());
  const auto reversed = GroupIdFor(lines[0], volumes);
  HOLDS(reversed.ok() && *reversed == *id);
}

}  // namespace rbdcsi::fuzz
