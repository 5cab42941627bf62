#include "controller/group_snapshotter.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "controller/group_members.h"
#include "controller/messages.h"
#include "controller/provisioner.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

absl::Status NoGroup(const VolumeId& id) {
  return absl::NotFoundError(
      absl::StrCat("group snapshot ", id.ToString(), ": no such group snapshot"));
}

const GroupSnapshot* Complete(const GroupSight& sight) {
  for (const GroupSnapshot& snapshot : sight.snapshots) {
    if (snapshot.complete && snapshot.name == kGroupSnapshotName) {
      return &snapshot;
    }
  }
  return nullptr;
}

bool IsFinal(const absl::Status& status) { return NotFinal(status) != status; }

// Everything that bears the group's name goes.
absl::Status Discard(GroupStore& groups, const std::string& group, const GroupSight& sight) {
  for (const GroupImage& image : sight.images) {
    RETURN_IF_ERROR(groups.RemoveImage(group, sight, image));
  }
  for (const GroupSnapshot& snapshot : sight.snapshots) {
    RETURN_IF_ERROR(groups.RemoveSnapshot(group, sight, snapshot));
  }
  return groups.Remove(group);
}

// Of an attempt that failed for good.
absl::Status Undo(GroupStore& groups, const std::string& group) {
  ASSIGN_OR_RETURN(const GroupSight sight, groups.Look(group));
  if (Complete(sight) != nullptr) {
    return absl::AbortedError("another controller was faster");
  }
  return sight.exists ? Discard(groups, group, sight) : absl::OkStatus();
}

// An image can be in one group only; those of others are waiting.
absl::Status Release(GroupStore& groups, const std::string& group, const GroupSight& sight) {
  for (const GroupImage& image : sight.images) {
    RETURN_IF_ERROR(NotFinal(groups.RemoveImage(group, sight, image)));
  }
  return absl::OkStatus();
}

bool HasImage(const GroupSight& sight, const SourceVolume& volume) {
  return std::any_of(sight.images.begin(), sight.images.end(), [&volume](const GroupImage& image) {
    return image.attached && image.pool == volume.pool && image.image_id == volume.image_id;
  });
}

// One call of CreateVolumeGroupSnapshot.
class Taking {
 public:
  Taking(Stores& stores, const Secrets& secrets, GroupStore& groups, const GroupRequest& wanted)
      : stores_(stores), secrets_(secrets), groups_(groups), wanted_(wanted) {}

  absl::Status Take(const GroupSight& sight);
  absl::StatusOr<GroupSnapshotter::Members> Answer(const GroupSight& sight,
                                                   const GroupSnapshot& done);

 private:
  const std::string& group() const { return wanted_.id.image; }
  std::string What() const { return absl::StrCat("create group snapshot ", wanted_.id.ToString()); }
  absl::Status ClearLeftovers(const GroupSight& sight, const std::vector<SourceVolume>& volumes);
  absl::StatusOr<GroupSight> Gather(const GroupSight& sight,
                                    const std::vector<SourceVolume>& volumes);
  absl::Status Join(const SourceVolume& volume);
  absl::Status FreeFromOther(const SourceVolume& volume);

  Stores& stores_;
  const Secrets& secrets_;
  GroupStore& groups_;
  const GroupRequest& wanted_;
};

absl::Status Taking::Take(const GroupSight& sight) {
  ASSIGN_OR_RETURN(const std::vector<SourceVolume> volumes,
                   LookAtSources(stores_, secrets_, wanted_.volumes));
  if (sight.exists) {
    RETURN_IF_ERROR(ClearLeftovers(sight, volumes));
  } else {
    RETURN_IF_ERROR(groups_.Create(group()));
  }
  ASSIGN_OR_RETURN(const GroupSight gathered, Gather(sight, volumes));
  return groups_.CreateSnapshot(group(), gathered, kGroupSnapshotName);
}

// Of an attempt that died, or of a deletion that did.
absl::Status Taking::ClearLeftovers(const GroupSight& sight,
                                    const std::vector<SourceVolume>& volumes) {
  for (const GroupSnapshot& snapshot : sight.snapshots) {
    RETURN_IF_ERROR(groups_.RemoveSnapshot(group(), sight, snapshot));
  }
  for (const GroupImage& image : sight.images) {
    const bool wanted =
        std::any_of(volumes.begin(), volumes.end(), [&image](const SourceVolume& volume) {
          return image.pool == volume.pool && image.image_id == volume.image_id;
        });
    if (!wanted || !image.attached) {
      RETURN_IF_ERROR(groups_.RemoveImage(group(), sight, image));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<GroupSight> Taking::Gather(const GroupSight& sight,
                                          const std::vector<SourceVolume>& volumes) {
  for (const SourceVolume& volume : volumes) {
    if (!HasImage(sight, volume)) {
      RETURN_IF_ERROR(Join(volume));
    }
  }
  // They were added by name, and a name may have moved to another image.
  ASSIGN_OR_RETURN(GroupSight now, groups_.Look(group()));
  const bool all = now.images.size() == volumes.size() &&
                   std::all_of(volumes.begin(), volumes.end(), [&now](const SourceVolume& volume) {
                     return HasImage(now, volume);
                   });
  return all ? absl::StatusOr<GroupSight>(std::move(now))
             : absl::AbortedError(
                   absl::StrCat(What(), ": the group's images changed meanwhile (call again)"));
}

absl::Status Taking::Join(const SourceVolume& volume) {
  ASSIGN_OR_RETURN(Joined joined, groups_.AddImage(group(), volume.pool, volume.id.image));
  if (joined == Joined::kInOtherGroup) {
    RETURN_IF_ERROR(FreeFromOther(volume));
    ASSIGN_OR_RETURN(joined, groups_.AddImage(group(), volume.pool, volume.id.image));
  }
  return joined == Joined::kJoined
             ? absl::OkStatus()
             : absl::AbortedError(absl::StrCat(What(), ": volume ", volume.id.ToString(),
                                               " is in another group (call again)"));
}

// Other group snapshots of ours hold it for moments only; those of dead controllers are undone.
absl::Status Taking::FreeFromOther(const SourceVolume& volume) {
  ASSIGN_OR_RETURN(const class_calls::GroupRef held, groups_.GroupOf(volume.pool, volume.image_id));
  if (held.pool < 0) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string pool, groups_.PoolName(held.pool));
  Place place = PlaceOf(wanted_.id);
  place.pool = pool;
  ASSIGN_OR_RETURN(const auto groups, stores_.OpenGroups(place, &secrets_));
  ASSIGN_OR_RETURN(const std::string name, groups->NameOf(held.id));
  const std::string why =
      absl::StrCat(What(), ": volume ", volume.id.ToString(), " is in group ", groups->Spec(name));
  if (!absl::StartsWith(name, Sv(kImagePrefix))) {
    return absl::FailedPreconditionError(absl::StrCat(
        why, ", which is not one of this driver's (`rbd group image remove` takes it out)"));
  }
  ASSIGN_OR_RETURN(const GroupSight other, groups->Look(name));
  if (Complete(other) != nullptr) {
    return Release(*groups, name, other);
  }
  if (absl::Now() - other.changed < kAbandoned) {
    return absl::AbortedError(
        absl::StrCat(why, ", whose snapshot is being taken or removed (call again)"));
  }
  return Discard(*groups, name, other);
}

absl::StatusOr<GroupSnapshotter::Members> Taking::Answer(const GroupSight& sight,
                                                         const GroupSnapshot& done) {
  ASSIGN_OR_RETURN(const GroupContent content,
                   ReadMembers(stores_, secrets_, wanted_.id, groups_, done));
  std::set<std::string> there = content.volumes;
  for (const VolumeId& volume : wanted_.volumes) {
    if (there.erase(volume.ToString()) == 0) {
      return absl::AlreadyExistsError(
          absl::StrCat(What(), ": it exists and does not have the volume ", volume.ToString(),
                       " (choose another name or delete that group snapshot)"));
    }
  }
  if (!there.empty()) {
    return absl::AlreadyExistsError(
        absl::StrCat(What(), ": it exists and has the volume ", *there.begin(),
                     " as well (choose another name or delete that group snapshot)"));
  }
  RETURN_IF_ERROR(CheckWhole(wanted_.id, content));
  RETURN_IF_ERROR(Release(groups_, group(), sight));
  return content.members;
}

}  // namespace

absl::Status SweepGroups(GroupStore& groups, absl::Time now) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, groups.Names());
  for (const std::string& name : names) {
    if (!absl::StartsWith(name, Sv(kImagePrefix))) {
      continue;
    }
    ASSIGN_OR_RETURN(const GroupSight sight, groups.Look(name));
    const bool complete = Complete(sight) != nullptr;
    if (!sight.exists || now - sight.changed < kAbandoned || (complete && sight.images.empty())) {
      continue;
    }
    RETURN_IF_ERROR(complete ? Release(groups, name, sight) : Discard(groups, name, sight));
    spdlog::info("sweeper: {} group {}, left by a call that nobody repeated",
                 complete ? "emptied" : "removed", groups.Spec(name));
  }
  return absl::OkStatus();
}

absl::StatusOr<VolumeId> GroupIdFor(const std::string& name, const std::vector<VolumeId>& volumes) {
  VolumeId id = volumes.front();
  for (const VolumeId& volume : volumes) {
    if (volume.cluster != id.cluster || volume.rados_namespace != id.rados_namespace) {
      return absl::FailedPreconditionError(absl::StrCat(
          "create group snapshot ", name, ": volumes ", id.ToString(), " and ", volume.ToString(),
          " are in different clusters or RADOS namespaces, where RBD has no common snapshot"));
    }
    id.pool = std::min(id.pool, volume.pool);
  }
  id.image = ImageNameFor(name);
  return id;
}

absl::StatusOr<GroupSnapshotter::Members> GroupSnapshotter::Create(const GroupRequest& wanted,
                                                                   const Secrets& secrets) {
  ASSIGN_OR_RETURN(const auto groups, stores_.OpenGroups(PlaceOf(wanted.id), &secrets));
  Taking taking(stores_, secrets, *groups, wanted);
  ASSIGN_OR_RETURN(GroupSight sight, groups->Look(wanted.id.image));
  if (const GroupSnapshot* done = Complete(sight)) {
    return taking.Answer(sight, *done);
  }
  const absl::Status taken = taking.Take(sight);
  if (IsFinal(taken) || absl::IsAborted(taken)) {
    // "It did not happen" is only true when nothing of it is left; and two calls that want the same
    // volumes would wait for each other for ever if they kept those that they have.
    return Undo(*groups, wanted.id.image).ok() ? taken : NotFinal(taken);
  }
  RETURN_IF_ERROR(taken);
  ASSIGN_OR_RETURN(sight, groups->Look(wanted.id.image));
  const GroupSnapshot* done = Complete(sight);
  return done != nullptr
             ? taking.Answer(sight, *done)
             : absl::AbortedError(absl::StrCat("create group snapshot ", wanted.id.ToString(),
                                               ": it was removed meanwhile (call again)"));
}

absl::StatusOr<GroupSnapshotter::Members> GroupSnapshotter::Find(const VolumeId& id,
                                                                 const Secrets& secrets) {
  ASSIGN_OR_RETURN(const auto groups, stores_.OpenGroups(PlaceOf(id), &secrets));
  ASSIGN_OR_RETURN(const GroupSight sight, groups->Look(id.image));
  const GroupSnapshot* done = Complete(sight);
  if (done == nullptr) {
    return NoGroup(id);
  }
  ASSIGN_OR_RETURN(GroupContent content, ReadMembers(stores_, secrets, id, *groups, *done));
  RETURN_IF_ERROR(CheckWhole(id, content));
  return std::move(content.members);
}

absl::Status GroupSnapshotter::Delete(const VolumeId& id, const Secrets& secrets) {
  ASSIGN_OR_RETURN(const auto groups, stores_.OpenGroups(PlaceOf(id), &secrets));
  ASSIGN_OR_RETURN(const GroupSight sight, groups->Look(id.image));
  if (!sight.exists) {
    return absl::OkStatus();
  }
  GroupSight leftovers = sight;
  if (Complete(sight) != nullptr) {
    // From here on it is gone for every other call, whatever happens to this one.
    RETURN_IF_ERROR(groups->RenameSnapshot(id.image, kGroupSnapshotName, kGroupSnapshotDeleting));
    ASSIGN_OR_RETURN(leftovers, groups->Look(id.image));
  }
  return NotFinal(Discard(*groups, id.image, leftovers));
}

}  // namespace rbdcsi
