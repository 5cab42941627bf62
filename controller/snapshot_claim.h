// Who has a snapshot's name: the value in the table of snapshot names (snapshot_header.h).
//
// CSI wants snapshot names unique over all volumes, RBD makes them unique per image. So a name is
// claimed for one image before the snapshot is taken, and freed after it is removed. The snapshot
// itself stays the only truth about whether it exists; the claim also leads to the image of a
// volume that was deleted since. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rbdcsi {

struct SnapshotClaim {
  std::string image;     // the source volume's image, by the name it had
  std::string image_id;  //
  std::string name;      // the CSI name, for people

  std::string ToJson() const;
  // Nullopt: not a claim, or of a version newer than ours.
  static std::optional<SnapshotClaim> FromJson(std::string_view text);
};

}  // namespace rbdcsi
