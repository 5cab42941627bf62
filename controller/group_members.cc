#include "controller/group_members.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "controller/image_features.h"
#include "controller/messages.h"
#include "controller/provisioner.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

absl::StatusOr<SourceVolume> LookAtSource(const OpenedPool& pool, const VolumeId& id, bool alone) {
  ASSIGN_OR_RETURN(const Sight sight, pool.images->Look(id.image));
  const std::string what = absl::StrCat("create group snapshot of volume ", id.ToString());
  if (!IsVolume(sight, id.image)) {
    return NoVolume(id.ToString());
  }
  if (sight.snapshots.size() >= kMaxSnapshots) {
    return absl::ResourceExhaustedError(
        absl::StrCat(what, ": it has ", kMaxSnapshots,
                     " snapshots, more than which the kernel may not map (delete some)"));
  }
  if (!alone && (sight.features & kFeatureExclusiveLock) == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        what,
        ": its image lacks the feature exclusive-lock, without which its writers cannot be "
        "stopped at the same moment as the others' (`rbd feature enable IMAGE "
        "exclusive-lock` while nobody has it mapped)"));
  }
  return SourceVolume{.id = id, .pool = pool.snapshots->PoolId(), .image_id = sight.id};
}

// The pools that the members of one group snapshot are in, each opened once.
class MemberPools {
 public:
  MemberPools(Stores& stores, const Secrets& secrets, const VolumeId& id, GroupStore& groups)
      : stores_(stores), secrets_(secrets), id_(id), groups_(groups) {}

  // Nullopt: the image or its snapshot is gone.
  absl::StatusOr<std::optional<MemberSnapshot>> Read(const GroupMember& member);

 private:
  struct MemberPool {
    Place place;
    OpenedPool stores;
  };
  absl::StatusOr<MemberPool> Open(int64_t pool);

  Stores& stores_;
  const Secrets& secrets_;
  const VolumeId& id_;
  GroupStore& groups_;
  std::map<int64_t, MemberPool> pools_;
};

absl::StatusOr<MemberPools::MemberPool> MemberPools::Open(int64_t pool) {
  if (const auto known = pools_.find(pool); known != pools_.end()) {
    return known->second;
  }
  MemberPool opened = {.place = PlaceOf(id_), .stores = {}};
  ASSIGN_OR_RETURN(opened.place.pool, groups_.PoolName(pool));
  ASSIGN_OR_RETURN(opened.stores, stores_.OpenBoth(opened.place, &secrets_));
  pools_.emplace(pool, opened);
  return opened;
}

absl::StatusOr<std::optional<MemberSnapshot>> MemberPools::Read(const GroupMember& member) {
  ASSIGN_OR_RETURN(const MemberPool pool, Open(member.pool));
  const auto found = pool.stores.snapshots->Snapshots(member.image_id, {member.snapshot});
  if (absl::IsNotFound(found.status()) || (found.ok() && found->empty())) {
    return std::nullopt;
  }
  RETURN_IF_ERROR(found.status());
  ASSIGN_OR_RETURN(const std::string name, ImageNameOf(pool.stores.stores(), member.image_id));
  if (name.empty() || found->front().name_space != SnapshotNamespace::kGroup) {
    return std::nullopt;
  }
  return MemberSnapshot{
      .place = pool.place,
      .found = {.image = name, .image_id = member.image_id, .info = found->front(), .record = ""}};
}

}  // namespace

absl::StatusOr<std::vector<SourceVolume>> LookAtSources(Stores& stores, const Secrets& secrets,
                                                        const std::vector<VolumeId>& volumes) {
  std::map<Place, OpenedPool> pools;
  std::vector<SourceVolume> sources;
  for (const VolumeId& id : volumes) {
    auto known = pools.find(PlaceOf(id));
    if (known == pools.end()) {
      const auto opened = stores.OpenBoth(PlaceOf(id), &secrets);
      if (absl::IsNotFound(opened.status())) {
        return NoVolume(id.ToString());
      }
      RETURN_IF_ERROR(opened.status());
      known = pools.emplace(PlaceOf(id), *opened).first;
    }
    ASSIGN_OR_RETURN(SourceVolume source, LookAtSource(known->second, id, volumes.size() == 1));
    sources.push_back(std::move(source));
  }
  return sources;
}

absl::StatusOr<GroupContent> ReadMembers(Stores& stores, const Secrets& secrets, const VolumeId& id,
                                         GroupStore& groups, const GroupSnapshot& snapshot) {
  MemberPools pools(stores, secrets, id, groups);
  GroupContent content;
  for (const GroupMember& member : snapshot.members) {
    ASSIGN_OR_RETURN(std::optional<MemberSnapshot> read, pools.Read(member));
    if (!read.has_value()) {
      ++content.missing;
      continue;
    }
    content.volumes.insert(IdIn(read->place, read->found.image).ToString());
    content.members.push_back(*std::move(read));
  }
  return content;
}

absl::Status CheckWhole(const VolumeId& id, const GroupContent& content) {
  if (content.missing == 0) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("group snapshot ", id.ToString(), ": ", content.missing,
                   " of its members' snapshots are gone, removed by other hands (delete the group "
                   "snapshot)"));
}

}  // namespace rbdcsi
