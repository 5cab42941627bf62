#include "controller/provisioner.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "controller/image_features.h"
#include "csi/status.h"
#include "csi/volume_id.h"

namespace rbdcsi {
namespace {

// Each lost race is another controller's won one; more in a row than this is trouble.
constexpr int kRounds = 6;

GuardRequest DeletingGuard() {
  return {.type = class_calls::LockType::kExclusive,
          .cookie = kDeleting,
          .description = "the volume is being deleted"};
}

absl::Status StillBusy(const ImageStore& store, const std::string& image, std::string_view what) {
  return absl::AbortedError(absl::StrCat(Sv(what), " ", store.Spec(image),
                                         ": other controllers keep changing it (call again)"));
}

absl::Status TooFresh(absl::Time changed, const Clock& clock) {
  const absl::Duration left = std::max(absl::Seconds(1), changed + clock.grace - clock.now);
  return absl::AbortedError(
      absl::StrCat("the image is being created by another controller, or was left by one that "
                   "died; repaired in ",
                   absl::ToInt64Seconds(absl::Ceil(left, absl::Seconds(1))), " s"));
}

absl::StatusOr<CreateStep> CompareWithRecord(const Sight& sight, const VolumeSpec& wanted) {
  const auto record = VolumeRecord::FromJson(sight.record);
  if (!record.has_value()) {
    return absl::AlreadyExistsError(
        absl::StrCat("the image's metadata key rbd-csi.volume is not a record that this version "
                     "understands"));
  }
  const std::string difference = Difference(*record, wanted.record);
  if (!difference.empty()) {
    return absl::AlreadyExistsError(absl::StrCat("a different volume has this name: ", difference));
  }
  if (sight.size_bytes < wanted.range.required_bytes ||
      (wanted.range.limit_bytes != 0 && sight.size_bytes > wanted.range.limit_bytes)) {
    return absl::AlreadyExistsError(absl::StrCat(
        "a volume of this name exists with ", sight.size_bytes, " bytes, asked for at least ",
        wanted.range.required_bytes, " and at most ", wanted.range.limit_bytes, " (0: no limit)"));
  }
  return CreateStep::kAnswer;
}

// librbd reports the striping that it defaulted; an unset one is that default.
ImageSpec Normalized(ImageSpec spec) {
  const uint64_t object_size = uint64_t{1} << spec.order;
  spec.features &= ~kDerivedFeatures;
  spec.stripe_unit = spec.stripe_unit == 0 ? object_size : spec.stripe_unit;
  spec.stripe_count = spec.stripe_count == 0 ? 1 : spec.stripe_count;
  return spec;
}

bool LeftNothing(ImageStore& store, const std::string& image) {
  const auto id = store.IdOf(image);
  // A user who may not even read has made nothing either.
  return id.ok() ? id->empty() : absl::IsPermissionDenied(id.status());
}

std::string Holders(const Sight& sight) {
  std::string text;
  for (const class_calls::Locker& locker : sight.guard.lockers) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", locker.cookie);
  }
  return text;
}

}  // namespace

bool IsBeingDeleted(const Sight& sight) {
  return std::any_of(sight.guard.lockers.begin(), sight.guard.lockers.end(),
                     [](const class_calls::Locker& locker) { return locker.cookie == kDeleting; });
}

bool IsVolume(const Sight& sight, const std::string& image) {
  return sight.state == Sight::State::kPresent && !IsBeingDeleted(sight) &&
         (!sight.record.empty() || !absl::StartsWith(image, Sv(kImagePrefix)));
}

absl::StatusOr<CreateStep> DecideCreate(const Sight& sight, const VolumeSpec& wanted,
                                        const Clock& clock) {
  switch (sight.state) {
    case Sight::State::kAbsent:
      return CreateStep::kMake;
    case Sight::State::kHeaderless:
      if (clock.now - sight.name_changed < clock.grace) {
        return TooFresh(sight.name_changed, clock);
      }
      return CreateStep::kClearName;
    case Sight::State::kPresent:
      break;
  }
  if (IsBeingDeleted(sight)) {
    return CreateStep::kFinishDelete;
  }
  if (!sight.record.empty()) {
    return CompareWithRecord(sight, wanted);
  }
  if (!sight.guard.lockers.empty()) {
    return absl::AlreadyExistsError(
        absl::StrCat("the image is attached to ", Holders(sight), " as a static volume"));
  }
  return CreateStep::kInspect;
}

absl::StatusOr<uint64_t> Provisioner::Create(ImageStore& store, const VolumeSpec& wanted) {
  // Creating comes before looking: a new name is the common case, and for a known one it costs one
  // operation more (measured: 0.15 ms).
  ASSIGN_OR_RETURN(Attempt attempt, Make(store, wanted));
  for (int round = 0; round < kRounds && attempt != Attempt::kDone; ++round) {
    ASSIGN_OR_RETURN(const Sight sight, store.Look(wanted.image));
    const auto step = DecideCreate(sight, wanted, Clock{.now = absl::Now(), .grace = grace_});
    if (!step.ok()) {
      return Annotate(step.status(), absl::StrCat("create volume ", store.Spec(wanted.image)));
    }
    if (*step == CreateStep::kAnswer) {
      return sight.size_bytes;
    }
    RETURN_IF_ERROR(Advance(store, wanted, sight, *step));
    if (*step == CreateStep::kMake) {
      ASSIGN_OR_RETURN(attempt, Make(store, wanted));
      if (attempt == Attempt::kNameTaken) {
        // By a faster creator, or by a directory entry that leads nowhere.
        RETURN_IF_ERROR(store.ClearDirectory(wanted.image));
      }
    }
  }
  return attempt == Attempt::kDone ? absl::StatusOr<uint64_t>(wanted.spec.size_bytes)
                                   : StillBusy(store, wanted.image, "create volume");
}

absl::StatusOr<Provisioner::Attempt> Provisioner::Make(ImageStore& store,
                                                       const VolumeSpec& wanted) {
  const absl::StatusOr<Made> made = store.Create(wanted.image, wanted.spec);
  if (!made.ok()) {
    // librbd undoes what it began; a final code is only right when nothing is left of it.
    return NotFinal(made.status()) == made.status() || LeftNothing(store, wanted.image)
               ? made.status()
               : NotFinal(made.status());
  }
  if (*made == Made::kExists) {
    return Attempt::kNameTaken;
  }
  const auto id = store.IdOf(wanted.image);
  if (!id.ok()) {
    return NotFinal(id.status());
  }
  const auto written = store.WriteFirstRecord(*id, wanted.record.ToJson());
  if (!written.ok()) {
    return NotFinal(written.status());
  }
  return *written == Written::kWritten ? Attempt::kDone : Attempt::kLost;
}

absl::Status Provisioner::Advance(ImageStore& store, const VolumeSpec& wanted, const Sight& sight,
                                  CreateStep step) {
  switch (step) {
    case CreateStep::kFinishDelete:
      return NotFinal(store.MoveToTrash({.name = wanted.image, .id = sight.id}));
    case CreateStep::kClearName:
      return NotFinal(store.ClearHeaderless({.name = wanted.image, .id = sight.id}));
    case CreateStep::kInspect:
      return Settle(store, wanted, sight);
    case CreateStep::kMake:
    case CreateStep::kAnswer:
      break;
  }
  return absl::OkStatus();
}

absl::Status Provisioner::Settle(ImageStore& store, const VolumeSpec& wanted, const Sight& sight) {
  ASSIGN_OR_RETURN(const Inspection found, store.Inspect(sight.id));
  const std::string spec = store.Spec(wanted.image);
  if (!found.virgin) {
    return absl::AlreadyExistsError(absl::StrCat(
        "create volume ", spec,
        ": an image of this name without a volume's record is in use or "
        "has data or snapshots (keep it by a static PersistentVolume whose volumeHandle is its "
        "volume id, or rename it with `rbd mv`)"));
  }
  if (found.complete && Normalized(found.spec) == Normalized(wanted.spec)) {
    return NotFinal(store.WriteFirstRecord(sight.id, wanted.record.ToJson()).status());
  }
  const Clock clock = {.now = absl::Now(), .grace = grace_};
  if (clock.now - sight.header_changed < clock.grace) {
    return Annotate(TooFresh(sight.header_changed, clock), absl::StrCat("create volume ", spec));
  }
  return NotFinal(ReplaceHalfMade(store, wanted.image, sight));
}

absl::Status Provisioner::ReplaceHalfMade(ImageStore& store, const std::string& image,
                                          const Sight& sight) {
  ASSIGN_OR_RETURN(const Taken taken, store.ClaimWithoutRecord(sight.id, DeletingGuard()));
  if (taken == Taken::kTaken || taken == Taken::kHeldByUs) {
    return store.MoveToTrash({.name = image, .id = sight.id});
  }
  return absl::OkStatus();  // somebody was faster: look again
}

absl::Status Provisioner::Delete(ImageStore& store, const std::string& image) {
  for (int round = 0; round < kRounds; ++round) {
    ASSIGN_OR_RETURN(const bool gone, DeleteOnce(store, image));
    if (gone) {
      return absl::OkStatus();
    }
  }
  return StillBusy(store, image, "delete volume");
}

absl::StatusOr<bool> Provisioner::DeleteOnce(ImageStore& store, const std::string& image) {
  const std::string what = absl::StrCat("delete volume ", store.Spec(image));
  ASSIGN_OR_RETURN(const Sight sight, store.Look(image));
  const class_calls::NameAndId entry = {.name = image, .id = sight.id};
  if (sight.state == Sight::State::kAbsent) {
    return true;
  }
  if (sight.state == Sight::State::kHeaderless) {
    const Clock clock = {.now = absl::Now(), .grace = grace_};
    if (clock.now - sight.name_changed < clock.grace) {
      return Annotate(TooFresh(sight.name_changed, clock), what);
    }
    RETURN_IF_ERROR(NotFinal(store.ClearHeaderless(entry)));
    return true;
  }
  if (!IsBeingDeleted(sight)) {
    if (!sight.guard.lockers.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(what, ": it is attached to node ", Holders(sight), " (detach it first)"));
    }
    ASSIGN_OR_RETURN(const std::vector<Watcher> watchers, store.Watchers(sight.id));
    for (const Watcher& watcher : watchers) {
      if (watcher.client != store.OwnClient()) {
        return absl::FailedPreconditionError(
            absl::StrCat(what, ": the client at ", watcher.address,
                         " has it open or mapped (a dead client's watch ends after 30 s)"));
      }
    }
    ASSIGN_OR_RETURN(const Taken taken, store.TakeGuard(sight.id, DeletingGuard()));
    if (taken == Taken::kHeld || taken == Taken::kGone) {
      return false;
    }
  }
  RETURN_IF_ERROR(NotFinal(store.MoveToTrash(entry)));
  return true;
}

absl::StatusOr<uint64_t> Provisioner::Expand(ImageStore& store, const std::string& image,
                                             const SizeRange& range) {
  ASSIGN_OR_RETURN(const Sight sight, store.Look(image));
  if (!IsVolume(sight, image)) {
    return absl::NotFoundError(
        absl::StrCat("expand volume ", store.Spec(image), ": no such volume"));
  }
  if (range.limit_bytes != 0 && sight.size_bytes > range.limit_bytes) {
    return absl::OutOfRangeError(absl::StrCat("expand volume ", store.Spec(image), ": it has ",
                                              sight.size_bytes, " bytes already, the limit is ",
                                              range.limit_bytes, " (volumes never shrink)"));
  }
  const bool large_enough = sight.size_bytes >= range.required_bytes;
  if (large_enough && !sight.map_invalid) {
    return sight.size_bytes;
  }
  uint64_t size = sight.size_bytes;
  if (!large_enough) {
    ASSIGN_OR_RETURN(size, ChooseSize(range));
  }
  RETURN_IF_ERROR(store.Resize(sight.id, size));
  return size;
}

}  // namespace rbdcsi
