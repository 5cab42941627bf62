#include "controller/messages.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "csi/snapshot_id.h"

namespace rbdcsi {

namespace {

std::string IdOf(const VolumeId& volume, const FoundSnapshot& found) {
  SnapshotId id = {.volume = volume, .snapshot = found.info.name};
  std::string text = id.ToString();
  if (found.info.name_space == SnapshotNamespace::kGroup && absl::StrContains(text, "/@")) {
    id.snapshot = MemberName(found.image_id, found.info.id);
    id.volume.image.clear();
    text = id.ToString();
  }
  return text;
}

}  // namespace

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

void FillTime(absl::Time time, google::protobuf::Timestamp* message) {
  const timespec split = absl::ToTimespec(time);
  message->set_seconds(split.tv_sec);
  message->set_nanos(static_cast<int32_t>(split.tv_nsec));
}

void FillSnapshot(const Place& place, const FoundSnapshot& found, const std::string& group_id,
                  csi::v1::Snapshot* message) {
  const VolumeId volume = IdIn(place, found.image);
  message->set_snapshot_id(IdOf(volume, found));
  message->set_source_volume_id(volume.ToString());
  message->set_size_bytes(static_cast<int64_t>(found.info.size));
  message->set_ready_to_use(true);
  message->set_group_snapshot_id(group_id);
  FillTime(found.info.taken, message->mutable_creation_time());
}

}  // namespace rbdcsi
