#include "controller/snapshotter.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "controller/chain.h"
#include "controller/left_snapshots.h"
#include "controller/messages.h"
#include "controller/provisioner.h"
#include "controller/snapshot_claim.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr int kRounds = 6;
constexpr char kMemberMark[] = "member";

// The snapshot of that name on an image that was looked at; nullopt: it has none.
absl::StatusOr<std::optional<FoundSnapshot>> FindOn(const PoolStores& pool, const Sight& sight,
                                                    const SnapshotSpec& wanted) {
  ASSIGN_OR_RETURN(std::vector<SnapshotInfo> all,
                   pool.snapshots.Snapshots(sight.id, sight.snapshots));
  for (SnapshotInfo& info : all) {
    if (IsListed(info) && info.name == wanted.snapshot) {
      return FoundSnapshot{.image = wanted.image,
                           .image_id = sight.id,
                           .info = std::move(info),
                           .record = sight.record};
    }
  }
  return std::nullopt;
}

// On the images of that name in the trash: a deleted volume's group members and foreign snapshots,
// which have no claim to lead there.
absl::StatusOr<std::optional<FoundSnapshot>> FindInTrash(const PoolStores& pool,
                                                         const SnapshotSpec& wanted) {
  ASSIGN_OR_RETURN(const std::vector<TrashedImage> trash, pool.images.Trash());
  for (const TrashedImage& image : trash) {
    if (image.name != wanted.image) {
      continue;
    }
    ASSIGN_OR_RETURN(const Sight sight, pool.images.LookById(image.id));
    ASSIGN_OR_RETURN(std::optional<FoundSnapshot> found, FindOn(pool, sight, wanted));
    if (found.has_value()) {
      return found;
    }
  }
  return std::nullopt;
}

// By what MemberName has made.
absl::StatusOr<std::optional<FoundSnapshot>> FindMember(const PoolStores& pool,
                                                        const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '.');
  uint64_t number = 0;
  if (parts.size() != 4 || parts[1] != kMemberMark || !absl::SimpleAtoi(parts[3], &number)) {
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(const Sight sight, pool.images.LookById(parts[2]));
  if (sight.state != Sight::State::kPresent) {
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(const std::string name, ImageNameOf(pool, sight.id));
  ASSIGN_OR_RETURN(const std::vector<SnapshotInfo> infos,
                   pool.snapshots.Snapshots(sight.id, {number}));
  if (name.empty() || infos.empty() || infos[0].name_space != SnapshotNamespace::kGroup) {
    return std::nullopt;
  }
  return FoundSnapshot{
      .image = name, .image_id = sight.id, .info = infos[0], .record = sight.record};
}

absl::StatusOr<std::optional<FoundSnapshot>> FindClaimed(const PoolStores& pool,
                                                         const SnapshotClaim& claim,
                                                         const std::string& snapshot) {
  ASSIGN_OR_RETURN(const Sight sight, pool.images.LookById(claim.image_id));
  return FindOn(pool, sight, {.image = claim.image, .snapshot = snapshot, .name = ""});
}

absl::Status TakenByAnother(const PoolStores& pool, const SnapshotSpec& wanted,
                            const SnapshotClaim& claim) {
  return absl::AlreadyExistsError(
      absl::StrCat("create snapshot ", wanted.name, " of ", pool.images.Spec(wanted.image),
                   ": a snapshot of this name belongs to ", pool.images.Spec(claim.image), " (id ",
                   claim.image_id, "); choose another name or delete that snapshot"));
}

absl::Status CheckRoom(const PoolStores& pool, const SnapshotSpec& wanted, const Sight& sight) {
  return MakeRoom(pool.snapshots, {.what = absl::StrCat("create snapshot ", wanted.name, " of ",
                                                        pool.images.Spec(wanted.image)),
                                   .image_id = sight.id,
                                   .snapshots = sight.snapshots});
}

// After a snapshot was made. Another controller's deletion that came while it was made has found no
// snapshot and freed the name: it is claimed again, or the snapshot would answer to a name that the
// next one may have too. False: somebody was faster. What was made stays even if the name is
// another image's by now: it is listed, and it may have been there before.
absl::StatusOr<bool> KeepClaim(const PoolStores& pool, const std::string& snapshot,
                               const SnapshotClaim& ours) {
  ASSIGN_OR_RETURN(const std::string held, pool.snapshots.Claim(snapshot));
  if (!held.empty()) {
    return held == ours.ToJson();
  }
  ASSIGN_OR_RETURN(const Written written, pool.snapshots.ChangeClaim(snapshot, "", ours.ToJson()));
  return written == Written::kWritten;
}

// A claim whose image is gone for good stands in nobody's way.
absl::StatusOr<bool> IsStale(const PoolStores& pool, const SnapshotClaim& claim) {
  ASSIGN_OR_RETURN(const Sight sight, pool.images.LookById(claim.image_id));
  return sight.state == Sight::State::kAbsent;
}

// An earlier try of the deletion may have died in the middle of it.
absl::Status FinishRemovalsOn(const PoolStores& pool, const std::string& image_id) {
  ASSIGN_OR_RETURN(const Sight sight, pool.images.LookById(image_id));
  ASSIGN_OR_RETURN(const std::vector<SnapshotInfo> snapshots,
                   pool.snapshots.Snapshots(sight.id, sight.snapshots));
  return FinishRemovals(pool.snapshots, sight.id, snapshots).status();
}

}  // namespace

absl::StatusOr<std::string> ImageNameOf(const PoolStores& pool, const std::string& image_id) {
  ASSIGN_OR_RETURN(std::string name, pool.snapshots.ImageName(image_id));
  if (name.empty()) {
    ASSIGN_OR_RETURN(const std::vector<TrashedImage> trash, pool.images.Trash());
    for (const TrashedImage& image : trash) {
      name = image.id == image_id ? image.name : name;
    }
  }
  return name;
}

std::string MemberName(const std::string& image_id, uint64_t snapshot) {
  return absl::StrCat(".", kMemberMark, ".", image_id, ".", snapshot);
}

bool IsListed(const SnapshotInfo& snapshot) {
  return snapshot.name_space == SnapshotNamespace::kGroup ||
         (snapshot.name_space == SnapshotNamespace::kUser &&
          !absl::StartsWith(snapshot.name, Sv(kTemporaryPrefix)));
}

absl::StatusOr<FoundSnapshot> Snapshotter::Create(const PoolStores& pool,
                                                  const SnapshotSpec& wanted) {
  for (int round = 0; round < kRounds; ++round) {
    ASSIGN_OR_RETURN(std::optional<FoundSnapshot> made, CreateOnce(pool, wanted));
    if (made.has_value()) {
      return *std::move(made);
    }
  }
  return absl::AbortedError(absl::StrCat("create snapshot ", wanted.name,
                                         ": other controllers keep changing it (call again)"));
}

// Nullopt: somebody was faster; look again.
absl::StatusOr<std::optional<FoundSnapshot>> Snapshotter::CreateOnce(const PoolStores& pool,
                                                                     const SnapshotSpec& wanted) {
  ASSIGN_OR_RETURN(const std::string held, pool.snapshots.Claim(wanted.snapshot));
  const std::optional<SnapshotClaim> claim = SnapshotClaim::FromJson(held);
  if (claim.has_value()) {
    ASSIGN_OR_RETURN(std::optional<FoundSnapshot> found,
                     FindClaimed(pool, *claim, wanted.snapshot));
    if (found.has_value() && claim->image == wanted.image) {
      return found;
    }
  }
  ASSIGN_OR_RETURN(const Sight sight, pool.images.Look(wanted.image));
  if (!IsVolume(sight, wanted.image)) {
    return absl::NotFoundError(absl::StrCat(
        "create snapshot ", wanted.name, ": there is no volume ", pool.images.Spec(wanted.image)));
  }
  RETURN_IF_ERROR(CheckRoom(pool, wanted, sight));
  const SnapshotClaim ours = {.image = wanted.image, .image_id = sight.id, .name = wanted.name};
  if (held != ours.ToJson()) {
    if (claim.has_value()) {
      ASSIGN_OR_RETURN(const bool stale, IsStale(pool, *claim));
      if (!stale) {
        return TakenByAnother(pool, wanted, *claim);
      }
    }
    ASSIGN_OR_RETURN(const Written written,
                     pool.snapshots.ChangeClaim(wanted.snapshot, held, ours.ToJson()));
    if (written == Written::kLost) {
      return std::nullopt;
    }
  }
  RETURN_IF_ERROR(pool.snapshots.Create(sight.id, wanted.snapshot));
  ASSIGN_OR_RETURN(const bool kept, KeepClaim(pool, wanted.snapshot, ours));
  return kept ? FindClaimed(pool, ours, wanted.snapshot) : std::nullopt;
}

absl::StatusOr<FoundSnapshot> Snapshotter::Find(const PoolStores& pool, const SnapshotId& id) {
  const SnapshotSpec wanted = {.image = id.volume.image, .snapshot = id.snapshot, .name = ""};
  ASSIGN_OR_RETURN(const std::string held, pool.snapshots.Claim(id.snapshot));
  const std::optional<SnapshotClaim> claim = SnapshotClaim::FromJson(held);
  if (claim.has_value() && (wanted.image.empty() || wanted.image == claim->image)) {
    ASSIGN_OR_RETURN(std::optional<FoundSnapshot> found, FindClaimed(pool, *claim, id.snapshot));
    if (found.has_value()) {
      return *std::move(found);
    }
  }
  if (wanted.image.empty()) {
    ASSIGN_OR_RETURN(std::optional<FoundSnapshot> member, FindMember(pool, id.snapshot));
    return member.has_value() ? absl::StatusOr<FoundSnapshot>(*std::move(member))
                              : NoSnapshot(id.ToString());
  }
  ASSIGN_OR_RETURN(const Sight sight, pool.images.Look(wanted.image));
  ASSIGN_OR_RETURN(std::optional<FoundSnapshot> found, FindOn(pool, sight, wanted));
  if (!found.has_value()) {
    ASSIGN_OR_RETURN(found, FindInTrash(pool, wanted));
  }
  return found.has_value() ? absl::StatusOr<FoundSnapshot>(*std::move(found))
                           : NoSnapshot(id.ToString());
}

absl::Status Snapshotter::Delete(const PoolStores& pool, const SnapshotId& id) {
  const absl::StatusOr<FoundSnapshot> found = Find(pool, id);
  if (found.ok()) {
    if (found->info.name_space == SnapshotNamespace::kGroup) {
      return absl::InvalidArgumentError(
          absl::StrCat("delete snapshot ", id.ToString(),
                       ": it is a member of a group snapshot (delete the group snapshot)"));
    }
    RETURN_IF_ERROR(pool.snapshots.Remove(found->image_id, id.snapshot));
  } else if (!absl::IsNotFound(found.status())) {
    return found.status();
  }
  ASSIGN_OR_RETURN(const std::string held, pool.snapshots.Claim(id.snapshot));
  const std::optional<SnapshotClaim> claim = SnapshotClaim::FromJson(held);
  if (!claim.has_value() || (!id.volume.image.empty() && claim->image != id.volume.image)) {
    return absl::OkStatus();
  }
  if (!found.ok()) {
    RETURN_IF_ERROR(FinishRemovalsOn(pool, claim->image_id));
  }
  // Lost: the name has a new owner by now, whose claim is none of ours.
  RETURN_IF_ERROR(NotFinal(pool.snapshots.ChangeClaim(id.snapshot, held, "").status()));
  if (found.ok()) {
    return absl::OkStatus();
  }
  // Its creator may have been under way. What it finished before the name was free goes now; what
  // it finishes later claims the name again (KeepClaim).
  ASSIGN_OR_RETURN(const Sight sight, pool.images.LookById(claim->image_id));
  const SnapshotSpec wanted = {.image = claim->image, .snapshot = id.snapshot, .name = ""};
  ASSIGN_OR_RETURN(const std::optional<FoundSnapshot> late, FindOn(pool, sight, wanted));
  return late.has_value() ? pool.snapshots.Remove(late->image_id, id.snapshot) : absl::OkStatus();
}

}  // namespace rbdcsi
