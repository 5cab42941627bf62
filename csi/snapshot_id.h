// The name of a snapshot, as Kubernetes stores it and as a person pastes it into `rbd`.
//
//   snapshot id = <volume id>@<snapshot>        at most 128 bytes
//
// Where that would be longer, the image is left out, "<cluster>/<pool>/@<snapshot>": the pool's
// table of snapshot names leads to the image all the same. As with volumes, an id that does not
// parse names no snapshot. Pure functions and values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "csi/volume_id.h"

namespace rbdcsi {

struct SnapshotId {
  VolumeId volume;       // of the source; its image may be empty
  std::string snapshot;  // RBD's name for it

  static std::optional<SnapshotId> Parse(std::string_view text);
  // Without the image if the id would be too long with it.
  std::string ToString() const;

  friend bool operator==(const SnapshotId&, const SnapshotId&) = default;
};

}  // namespace rbdcsi
