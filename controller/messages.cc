#include "controller/messages.h"

#include "absl/strings/str_cat.h"
#include "csi/snapshot_id.h"

namespace rbdcsi {

ParameterMap ToMap(const google::protobuf::Map<std::string, std::string>& map) {
  return {map.begin(), map.end()};
}

absl::Status Missing(const char* field) {
  return absl::InvalidArgumentError(absl::StrCat(field, " is missing"));
}

absl::Status NoVolume(const std::string& id) {
  return absl::NotFoundError(absl::StrCat("volume ", id, ": no such volume"));
}

absl::Status NoSnapshot(const std::string& id) {
  return absl::NotFoundError(absl::StrCat("snapshot ", id, ": no such snapshot"));
}

Place PlaceOf(const VolumeId& id) { return {id.cluster, id.pool, id.rados_namespace}; }

VolumeId IdIn(const Place& place, const std::string& image) {
  return {.cluster = place.cluster,
          .pool = place.pool,
          .rados_namespace = place.rados_namespace,
          .image = image};
}

void FillSnapshot(const Place& place, const FoundSnapshot& found, csi::v1::Snapshot* message) {
  const VolumeId volume = IdIn(place, found.image);
  message->set_snapshot_id(SnapshotId{.volume = volume, .snapshot = found.info.name}.ToString());
  message->set_source_volume_id(volume.ToString());
  message->set_size_bytes(static_cast<int64_t>(found.info.size));
  message->set_ready_to_use(true);
  const timespec taken = absl::ToTimespec(found.info.taken);
  message->mutable_creation_time()->set_seconds(taken.tv_sec);
  message->mutable_creation_time()->set_nanos(static_cast<int32_t>(taken.tv_nsec));
}

}  // namespace rbdcsi
