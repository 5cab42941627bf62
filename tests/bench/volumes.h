// Volumes of the driver in numbers, to be worked on or just to be there. Blocking; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/ceph_floor.h"
#include "tests/bench/csi_client.h"

namespace rbdcsi {

// Callers at once for what is not measured.
inline constexpr int kPreparingCallers = 8;

// `count` volumes named <like.name>-0, -1 and so on; those that exist already are not made again.
// Their ids, in that order.
absl::StatusOr<std::vector<std::string>> MakeVolumes(CsiClient& client,
                                                     const CsiClient::Wanted& like, int count);
// What an image of the driver is like, so that raw ones can be made alike.
absl::StatusOr<ImageShape> ShapeOfVolume(CephFloor& floor, const std::string& volume_id);
// To the trash with them.
absl::Status DeleteVolumes(CsiClient& client, const std::vector<std::string>& volume_ids);

}  // namespace rbdcsi
