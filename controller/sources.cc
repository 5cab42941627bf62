#include "controller/sources.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "controller/chain.h"
#include "controller/messages.h"
#include "controller/snapshotter.h"
#include "controller/volume_record.h"
#include "csi/snapshot_id.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

absl::Status CheckCluster(const std::string& source, const VolumeId& id, const VolumeId& child) {
  if (id.cluster == child.cluster) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("create volume from ", source, ": the source is in cluster ", id.cluster,
                   ", the volume would be in ", child.cluster,
                   " (clones cannot leave their cluster: name a pool of the same one)"));
}

uint64_t DepthOf(const std::string& record) {
  const auto parsed = VolumeRecord::FromJson(record);
  return parsed.has_value() ? parsed->depth : 0;
}

absl::StatusOr<CloneSource> FromSnapshot(Stores& stores, const std::string& text,
                                         const VolumeId& child, const Secrets* secrets) {
  const auto id = SnapshotId::Parse(text);
  if (!id.has_value()) {
    return NoSnapshot(text);
  }
  RETURN_IF_ERROR(CheckCluster(text, id->volume, child));
  ASSIGN_OR_RETURN(const OpenedPool pool, stores.OpenBoth(PlaceOf(id->volume), secrets));
  ASSIGN_OR_RETURN(const FoundSnapshot found, Snapshotter().Find(pool.stores(), *id));
  CloneSource source = {.text = text,
                        .image_id = found.image_id,
                        .snapshot = found.info.id,
                        .size_bytes = found.info.size,
                        .depth = DepthOf(found.record),
                        .temporary = "",
                        .store = pool.snapshots};
  RETURN_IF_ERROR(BoundDepth(source, !found.record.empty()));
  return source;
}

absl::StatusOr<CloneSource> FromVolume(Stores& stores, const std::string& text,
                                       const VolumeId& child, const Secrets* secrets) {
  const auto id = VolumeId::Parse(text);
  if (!id.has_value()) {
    return NoVolume(text);
  }
  RETURN_IF_ERROR(CheckCluster(text, *id, child));
  ASSIGN_OR_RETURN(const OpenedPool pool, stores.OpenBoth(PlaceOf(*id), secrets));
  ASSIGN_OR_RETURN(const Sight sight, pool.images->Look(id->image));
  if (!IsVolume(sight, id->image)) {
    return NoVolume(text);
  }
  CloneSource source = {.text = text,
                        .image_id = sight.id,
                        .snapshot = 0,
                        .size_bytes = sight.size_bytes,
                        .depth = DepthOf(sight.record),
                        .temporary = absl::StrCat(Sv(kTemporaryPrefix), child.image),
                        .store = pool.snapshots};
  RETURN_IF_ERROR(BoundDepth(source, !sight.record.empty()));
  RETURN_IF_ERROR(MakeRoom(*pool.snapshots, {.what = absl::StrCat("create volume from ", text),
                                             .image_id = sight.id,
                                             .snapshots = sight.snapshots}));
  return source;
}

}  // namespace

absl::StatusOr<CloneSource> FindSource(Stores& stores, const SourceName& name,
                                       const VolumeId& child, const Secrets* secrets) {
  return name.snapshot_id.empty() ? FromVolume(stores, name.volume_id, child, secrets)
                                  : FromSnapshot(stores, name.snapshot_id, child, secrets);
}

}  // namespace rbdcsi
