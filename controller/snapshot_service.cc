#include "controller/snapshot_service.h"

#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "controller/group_names.h"
#include "controller/messages.h"
#include "controller/snapshot_catalog.h"
#include "csi/snapshot_id.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

std::string LockKeyFor(const VolumeId& volume, const std::string& snapshot) {
  VolumeId place = volume;
  place.image.clear();
  return absl::StrCat(place.ToString(), "@", snapshot);
}

absl::Status Add(const Place& place, const FoundSnapshot& found, GroupNames& groups,
                 csi::v1::ListSnapshotsResponse* response) {
  ASSIGN_OR_RETURN(const std::string group_id, groups.IdOf(place, found));
  FillSnapshot(place, found, group_id, response->add_entries()->mutable_snapshot());
  return absl::OkStatus();
}

// An id that is too long would not be read again: nobody could delete the snapshot.
absl::Status CheckId(const VolumeId& volume, const std::string& snapshot) {
  const std::string text = SnapshotId{.volume = volume, .snapshot = snapshot}.ToString();
  return SnapshotId::Parse(text).has_value()
             ? absl::OkStatus()
             : absl::InvalidArgumentError(absl::StrCat(
                   "the snapshot id would be ", text, ", which is longer than ", kMaxIdBytes,
                   " bytes (take a shorter name, or a volume of a shorter clusterID, pool or "
                   "radosNamespace)"));
}

// Token of a list that is filtered: how many entries came before.
absl::StatusOr<size_t> Offset(const std::string& token) {
  size_t offset = 0;
  if (!token.empty() && !absl::SimpleAtoi(token, &offset)) {
    return absl::AbortedError("starting_token: not one of ours (begin again without it)");
  }
  return offset;
}

}  // namespace

std::string SnapshotService::LockKey(const csi::v1::CreateSnapshotRequest& request) {
  const auto volume = VolumeId::Parse(request.source_volume_id());
  return volume.has_value() && !request.name().empty()
             ? LockKeyFor(*volume, ImageNameFor(request.name()))
             : std::string();
}

std::string SnapshotService::LockKey(const csi::v1::DeleteSnapshotRequest& request) {
  const auto id = SnapshotId::Parse(request.snapshot_id());
  return id.has_value() ? LockKeyFor(id->volume, id->snapshot) : std::string();
}

absl::StatusOr<csi::v1::CreateSnapshotResponse> SnapshotService::Create(
    const Call&, const csi::v1::CreateSnapshotRequest& request) {
  if (request.name().empty()) {
    return Missing("name");
  }
  if (request.source_volume_id().empty()) {
    return Missing("source_volume_id");
  }
  RETURN_IF_ERROR(CheckSnapshotParameters(ToMap(request.parameters())));
  const auto volume = VolumeId::Parse(request.source_volume_id());
  if (!volume.has_value()) {
    return NoVolume(request.source_volume_id());
  }
  RETURN_IF_ERROR(CheckId(*volume, ImageNameFor(request.name())));
  ASSIGN_OR_RETURN(const OpenedPool pool, stores_.OpenBoth(PlaceOf(*volume), &request.secrets()));
  ASSIGN_OR_RETURN(const FoundSnapshot made,
                   snapshotter_.Create(pool.stores(), {.image = volume->image,
                                                       .snapshot = ImageNameFor(request.name()),
                                                       .name = request.name()}));
  csi::v1::CreateSnapshotResponse response;
  FillSnapshot(PlaceOf(*volume), made, "", response.mutable_snapshot());
  return response;
}

absl::StatusOr<csi::v1::DeleteSnapshotResponse> SnapshotService::Delete(
    const Call&, const csi::v1::DeleteSnapshotRequest& request) {
  if (request.snapshot_id().empty()) {
    return Missing("snapshot_id");
  }
  const auto id = SnapshotId::Parse(request.snapshot_id());
  if (!id.has_value()) {
    return csi::v1::DeleteSnapshotResponse();
  }
  const auto pool = stores_.OpenBoth(PlaceOf(id->volume), &request.secrets());
  if (absl::IsNotFound(pool.status())) {
    return csi::v1::DeleteSnapshotResponse();  // it went with its pool
  }
  RETURN_IF_ERROR(pool.status());
  RETURN_IF_ERROR(snapshotter_.Delete(pool->stores(), *id));
  reaper_.Wake();  // it may have been the last one of a deleted volume
  return csi::v1::DeleteSnapshotResponse();
}

absl::StatusOr<csi::v1::GetSnapshotResponse> SnapshotService::Get(
    const Call&, const csi::v1::GetSnapshotRequest& request) {
  if (request.snapshot_id().empty()) {
    return Missing("snapshot_id");
  }
  const auto id = SnapshotId::Parse(request.snapshot_id());
  if (!id.has_value()) {
    return NoSnapshot(request.snapshot_id());
  }
  ASSIGN_OR_RETURN(const OpenedPool pool,
                   stores_.OpenBoth(PlaceOf(id->volume), &request.secrets()));
  ASSIGN_OR_RETURN(const FoundSnapshot found, snapshotter_.Find(pool.stores(), *id));
  GroupNames groups(stores_, &request.secrets());
  ASSIGN_OR_RETURN(const std::string group_id, groups.IdOf(PlaceOf(id->volume), found));
  csi::v1::GetSnapshotResponse response;
  FillSnapshot(PlaceOf(id->volume), found, group_id, response.mutable_snapshot());
  return response;
}

absl::StatusOr<csi::v1::ListSnapshotsResponse> SnapshotService::ListOne(
    const csi::v1::ListSnapshotsRequest& request) {
  csi::v1::ListSnapshotsResponse response;
  const auto id = SnapshotId::Parse(request.snapshot_id());
  if (!id.has_value()) {
    return response;
  }
  const auto pool = stores_.OpenBoth(PlaceOf(id->volume), &request.secrets());
  const auto found = pool.ok() ? snapshotter_.Find(pool->stores(), *id)
                               : absl::StatusOr<FoundSnapshot>(pool.status());
  if (absl::IsNotFound(found.status())) {
    return response;
  }
  RETURN_IF_ERROR(found.status());
  const VolumeId volume = IdIn(PlaceOf(id->volume), found->image);
  if (request.source_volume_id().empty() || request.source_volume_id() == volume.ToString()) {
    GroupNames groups(stores_, &request.secrets());
    RETURN_IF_ERROR(Add(PlaceOf(volume), *found, groups, &response));
  }
  return response;
}

absl::StatusOr<csi::v1::ListSnapshotsResponse> SnapshotService::ListVolume(
    const csi::v1::ListSnapshotsRequest& request) {
  csi::v1::ListSnapshotsResponse response;
  ASSIGN_OR_RETURN(const size_t offset, Offset(request.starting_token()));
  const auto id = VolumeId::Parse(request.source_volume_id());
  if (!id.has_value()) {
    return response;
  }
  const auto pool = stores_.OpenBoth(PlaceOf(*id), &request.secrets());
  if (absl::IsNotFound(pool.status())) {
    return response;
  }
  RETURN_IF_ERROR(pool.status());
  ASSIGN_OR_RETURN(const std::vector<FoundSnapshot> all,
                   SnapshotsOfVolume(pool->stores(), id->image));
  const auto limit = static_cast<size_t>(request.max_entries());
  GroupNames groups(stores_, &request.secrets());
  for (size_t i = offset; i < all.size(); ++i) {
    if (limit != 0 && i - offset == limit) {
      response.set_next_token(absl::StrCat(i));
      break;
    }
    RETURN_IF_ERROR(Add(PlaceOf(*id), all[i], groups, &response));
  }
  return response;
}

absl::StatusOr<csi::v1::ListSnapshotsResponse> SnapshotService::List(
    const Call&, const csi::v1::ListSnapshotsRequest& request) {
  if (request.max_entries() < 0) {
    return absl::InvalidArgumentError("max_entries: may not be negative");
  }
  if (!request.snapshot_id().empty()) {
    return ListOne(request);
  }
  if (!request.source_volume_id().empty()) {
    return ListVolume(request);
  }
  SnapshotPosition after;
  if (!request.starting_token().empty()) {
    const auto parsed = SnapshotPosition::Parse(request.starting_token());
    if (!parsed.has_value()) {
      return absl::AbortedError("starting_token: not one of ours (begin again without it)");
    }
    after = *parsed;
  }
  ASSIGN_OR_RETURN(
      const SnapshotPage page,
      ListSnapshotPage(stores_,
                       {.after = after,
                        .limit = static_cast<size_t>(request.max_entries()),
                        .secrets = request.secrets().empty() ? nullptr : &request.secrets()}));
  csi::v1::ListSnapshotsResponse response;
  GroupNames groups(stores_, nullptr);
  for (const ListedSnapshot& entry : page.entries) {
    RETURN_IF_ERROR(Add(entry.position.place, entry.found, groups, &response));
  }
  if (page.more) {
    response.set_next_token(page.entries.back().position.ToString());
  }
  return response;
}

}  // namespace rbdcsi
