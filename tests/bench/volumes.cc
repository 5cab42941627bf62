#include "tests/bench/volumes.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "csi/status.h"
#include "csi/volume_id.h"
#include "tests/bench/measure.h"

namespace rbdcsi {

absl::StatusOr<std::vector<std::string>> MakeVolumes(CsiClient& client,
                                                     const CsiClient::Wanted& like, int count) {
  std::vector<std::string> ids(count);
  const auto create = [&](int item) -> absl::Status {
    CsiClient::Wanted wanted = like;
    wanted.name = absl::StrCat(like.name, "-", item);
    ASSIGN_OR_RETURN(ids[item], client.CreateVolume(wanted));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(
      RunBatch({.count = count, .callers = kPreparingCallers}, create, nullptr).status());
  return ids;
}

absl::StatusOr<ImageShape> ShapeOfVolume(CephFloor& floor, const std::string& volume_id) {
  const std::optional<VolumeId> id = VolumeId::Parse(volume_id);
  if (!id) {
    return absl::InternalError(absl::StrCat("volume id ", volume_id, ": not one of rbd-csi"));
  }
  return floor.ShapeOf(id->image);
}

absl::Status DeleteVolumes(CsiClient& client, const std::vector<std::string>& volume_ids) {
  return RunBatch(
             {.count = static_cast<int>(volume_ids.size()), .callers = kPreparingCallers},
             [&](int item) { return client.DeleteVolume(volume_ids[item]); }, nullptr)
      .status();
}

}  // namespace rbdcsi
