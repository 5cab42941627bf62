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

// A clone is at least as large as its source.
absl::StatusOr<uint64_t> ChooseCloneSize(SizeRange range, uint64_t source_bytes) {
  if (range.limit_bytes != 0 && range.limit_bytes < source_bytes) {
    return absl::OutOfRangeError(absl::StrCat("create volume: the source has ", source_bytes,
                                              " bytes, more than the limit of ",
                                              range.limit_bytes));
  }
  range.required_bytes = std::max(range.required_bytes, source_bytes);
  return ChooseSize(range);
}

bool NeedsLook(const VolumeSpec& wanted) {
  return wanted.source.has_value() &&
         (!wanted.source->ok() || !(*wanted.source)->temporary.empty());
}

bool LeftNothing(ImageStore& store, const std::string& image) {
  const auto id = store.IdOf(image);
  // A user who may not even read has made nothing either.
  return id.ok() ? id->empty() : absl::IsPermissionDenied(id.status());
}

// By the volume's own record.
absl::Duration DeletionDelay(const Sight& sight) {
  const auto record = VolumeRecord::FromJson(sight.record);
  return absl::Seconds(record.has_value() ? record->tunables.deletion_delay : 0);
}

}  // namespace

bool IsBeingDeleted(const Sight& sight) {
  return std::any_of(sight.guard.lockers.begin(), sight.guard.lockers.end(),
                     [](const class_calls::Locker& locker) { return locker.cookie == kDeleting; });
}

std::vector<std::string> OtherClients(const ImageStore& store, const Sight& sight) {
  std::vector<std::string> addresses;
  for (const Watcher& watcher : sight.watchers) {
    if (watcher.client != store.OwnClient()) {
      addresses.push_back(watcher.address);
    }
  }
  return addresses;
}

std::string Holders(const Sight& sight) {
  std::string text;
  for (const class_calls::Locker& locker : sight.guard.lockers) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", locker.cookie);
  }
  return text;
}

absl::Status CheckNotModified(const Sight& sight) {
  const auto& lockers = sight.guard.lockers;
  const bool modified =
      std::any_of(lockers.begin(), lockers.end(),
                  [](const class_calls::Locker& locker) { return locker.cookie == kModifying; });
  return modified ? absl::AbortedError(
                        "its image features are being switched (call again; after a controller "
                        "that died this takes a minute)")
                  : absl::OkStatus();
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

absl::StatusOr<uint64_t> Provisioner::Create(const PoolStores& pool, VolumeSpec wanted) {
  // Creating comes before looking: a new name is the common case, and for a known one it costs one
  // operation more (measured: 0.15 ms). Not when it would begin with a snapshot.
  Attempt attempt = Attempt::kLost;
  if (!NeedsLook(wanted)) {
    ASSIGN_OR_RETURN(attempt, Make(pool, wanted));
  }
  for (int round = 0; round < kRounds && attempt != Attempt::kDone; ++round) {
    ASSIGN_OR_RETURN(const Sight sight, pool.images.Look(wanted.image));
    const auto step = DecideCreate(sight, wanted, Clock{.now = absl::Now(), .grace = grace_});
    if (!step.ok()) {
      return Annotate(step.status(),
                      absl::StrCat("create volume ", pool.images.Spec(wanted.image)));
    }
    if (*step == CreateStep::kAnswer) {
      return sight.size_bytes;
    }
    RETURN_IF_ERROR(Advance(pool, wanted, sight, *step));
    if (*step == CreateStep::kMake) {
      ASSIGN_OR_RETURN(attempt, Make(pool, wanted));
      if (attempt == Attempt::kNameTaken) {
        // By a faster creator, or by a directory entry that leads nowhere.
        RETURN_IF_ERROR(pool.images.ClearDirectory(wanted.image));
      }
    }
  }
  return attempt == Attempt::kDone ? absl::StatusOr<uint64_t>(wanted.spec.size_bytes)
                                   : StillBusy(pool.images, wanted.image, "create volume");
}

absl::StatusOr<std::optional<CloneBase>> Provisioner::PrepareSource(
    VolumeSpec& wanted, const std::optional<class_calls::Parent>& half_made) {
  if (!wanted.source.has_value()) {
    return std::nullopt;
  }
  RETURN_IF_ERROR(wanted.source->status());
  const CloneSource& source = **wanted.source;
  RETURN_IF_ERROR(ChooseCloneSize(wanted.range, source.size_bytes).status());
  ASSIGN_OR_RETURN(const CloneBase base, cloner_.Prepare(source, half_made));
  // A source volume may have grown since it was looked at.
  const absl::StatusOr<uint64_t> size = ChooseCloneSize(wanted.range, base.size_bytes);
  if (!size.ok()) {
    cloner_.Abandon(source);
    return size.status();
  }
  wanted.spec.size_bytes = *size;
  return base;
}

absl::StatusOr<Provisioner::Attempt> Provisioner::Make(const PoolStores& pool, VolumeSpec& wanted) {
  ASSIGN_OR_RETURN(const std::optional<CloneBase> base, PrepareSource(wanted, std::nullopt));
  const absl::Time begin = absl::Now();
  const absl::StatusOr<Made> made = pool.images.Create(wanted.image, wanted.spec);
  if (!made.ok()) {
    // librbd undoes what it began; a final code is only right when nothing is left of it.
    if (NotFinal(made.status()) != made.status() && !LeftNothing(pool.images, wanted.image)) {
      return NotFinal(made.status());
    }
    if (base.has_value()) {
      cloner_.Abandon(**wanted.source);
    }
    return made.status();
  }
  if (*made == Made::kExists) {
    return Attempt::kNameTaken;
  }
  const auto id = pool.images.IdOf(wanted.image);
  if (!id.ok()) {
    return NotFinal(id.status());
  }
  // After so long somebody may have taken it for half made and put another one in its place.
  return absl::Now() - begin < grace_ / 2 ? Finish(pool, wanted, *id, base) : Attempt::kLost;
}

// A blank image of the right kind becomes the volume.
absl::StatusOr<Provisioner::Attempt> Provisioner::Finish(const PoolStores& pool,
                                                         const VolumeSpec& wanted,
                                                         const std::string& id,
                                                         const std::optional<CloneBase>& base) {
  if (base.has_value()) {
    const absl::Status attached = cloner_.Attach(pool.snapshots, id, **wanted.source, *base);
    if (absl::IsNotFound(attached)) {
      return GiveUp(pool.images, {.name = wanted.image, .id = id}, attached);
    }
    if (!attached.ok()) {
      return NotFinal(attached);
    }
  }
  const auto written = pool.images.WriteFirstRecord(id, wanted.record.ToJson());
  if (!written.ok()) {
    return NotFinal(written.status());
  }
  return *written == Written::kWritten ? Attempt::kDone : Attempt::kLost;
}

absl::Status Provisioner::Advance(const PoolStores& pool, VolumeSpec& wanted, const Sight& sight,
                                  CreateStep step) {
  switch (step) {
    case CreateStep::kFinishDelete:
      return FinishDelete(pool.images, wanted.image, sight);
    case CreateStep::kClearName:
      return NotFinal(pool.images.ClearHeaderless({.name = wanted.image, .id = sight.id}));
    case CreateStep::kInspect:
      return Settle(pool, wanted, sight);
    case CreateStep::kMake:
    case CreateStep::kAnswer:
      break;
  }
  return absl::OkStatus();
}

absl::Status Provisioner::Settle(const PoolStores& pool, VolumeSpec& wanted, const Sight& sight) {
  ASSIGN_OR_RETURN(const Inspection found, pool.images.Inspect(sight.id));
  const std::string spec = pool.images.Spec(wanted.image);
  const class_calls::NameAndId image = {.name = wanted.image, .id = sight.id};
  if (!found.virgin) {
    return absl::AlreadyExistsError(absl::StrCat(
        "create volume ", spec,
        ": an image of this name without a volume's record is in use or "
        "has data or snapshots (keep it by a static PersistentVolume whose volumeHandle is its "
        "volume id, or rename it with `rbd mv`)"));
  }
  const absl::StatusOr<std::optional<CloneBase>> base = PrepareSource(wanted, sight.parent);
  if (!base.ok() && !absl::IsFailedPrecondition(base.status())) {
    return absl::IsNotFound(base.status()) ? GiveUp(pool.images, image, base.status())
                                           : base.status();
  }
  const bool right_parent = base.ok() && base->has_value() >= sight.parent.has_value();
  if (found.complete && right_parent && Normalized(found.spec) == Normalized(wanted.spec)) {
    return Finish(pool, wanted, sight.id, *base).status();
  }
  const Clock clock = {.now = absl::Now(), .grace = grace_};
  if (clock.now - sight.header_changed < clock.grace) {
    return Annotate(TooFresh(sight.header_changed, clock), absl::StrCat("create volume ", spec));
  }
  return NotFinal(ReplaceHalfMade(pool.images, image));
}

absl::Status Provisioner::ReplaceHalfMade(ImageStore& store, const class_calls::NameAndId& image) {
  ASSIGN_OR_RETURN(const Taken taken,
                   store.ClaimWithoutRecord(std::string(image.id), DeletingGuard()));
  if (taken == Taken::kTaken || taken == Taken::kHeldByUs) {
    return store.MoveToTrash(image);
  }
  return absl::OkStatus();  // somebody was faster: look again
}

// What was begun cannot be finished any more: with the half-made image gone, `why` is final.
absl::Status Provisioner::GiveUp(ImageStore& store, const class_calls::NameAndId& image,
                                 const absl::Status& why) {
  return ReplaceHalfMade(store, image).ok() ? why : NotFinal(why);
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
  if (sight.state == Sight::State::kAbsent) {
    return true;
  }
  if (sight.state == Sight::State::kHeaderless) {
    const Clock clock = {.now = absl::Now(), .grace = grace_};
    if (clock.now - sight.name_changed < clock.grace) {
      return Annotate(TooFresh(sight.name_changed, clock), what);
    }
    RETURN_IF_ERROR(NotFinal(store.ClearHeaderless({.name = image, .id = sight.id})));
    return true;
  }
  if (!IsBeingDeleted(sight)) {
    RETURN_IF_ERROR(Annotate(CheckNotModified(sight), what));
    if (!sight.guard.lockers.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(what, ": it is attached to node ", Holders(sight), " (detach it first)"));
    }
    if (const auto clients = OtherClients(store, sight); !clients.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(what, ": the client at ", clients.front(),
                       " has it open or mapped (a dead client's watch ends after 30 s)"));
    }
    ASSIGN_OR_RETURN(const Taken taken, store.TakeGuard(sight.id, DeletingGuard()));
    if (taken == Taken::kHeld || taken == Taken::kGone) {
      return false;
    }
  }
  RETURN_IF_ERROR(FinishDelete(store, image, sight));
  return true;
}

// `sight` may be of before the guard was taken: then it is this client's.
absl::Status Provisioner::FinishDelete(ImageStore& store, const std::string& image,
                                       const Sight& sight) {
  const absl::Duration delay = DeletionDelay(sight);
  RETURN_IF_ERROR(NotFinal(store.MoveToTrash({.name = image, .id = sight.id}, delay)));
  if (delay == absl::ZeroDuration()) {
    return absl::OkStatus();
  }
  // Whoever restores the image wants a volume. Should this call die here, the reaper does it.
  class_calls::Locker guard = {
      .client = store.OwnClient(), .cookie = kDeleting, .address = "", .description = ""};
  for (const class_calls::Locker& locker : sight.guard.lockers) {
    guard = locker.cookie == kDeleting ? locker : guard;
  }
  return NotFinal(store.BreakGuard(sight.id, guard));
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
