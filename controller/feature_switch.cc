#include "controller/feature_switch.h"

#include "absl/strings/str_cat.h"
#include "controller/provisioner.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

// Longer than the two changes of the header take; the rebuild of the map after them needs no guard,
// because a node that maps the image by then reads the new features.
constexpr absl::Duration kTurn = absl::Seconds(30);

absl::Status CheckUnused(const ImageStore& store, const Sight& sight) {
  RETURN_IF_ERROR(CheckNotModified(sight));
  if (!sight.guard.lockers.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("imageFeatures: it is attached to node ", Holders(sight),
                     ", and a kernel that has mapped it would not see the change (detach it)"));
  }
  if (const auto clients = OtherClients(store, sight); !clients.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("imageFeatures: the client at ", clients.front(),
                     " has it open or mapped (a dead client's watch ends after 30 s)"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<bool> SwitchFeatures(ImageStore& store, const Sight& sight,
                                    const FeatureSwitch& features) {
  RETURN_IF_ERROR(CheckUnused(store, sight));
  const GuardRequest guard = {.type = class_calls::LockType::kExclusive,
                              .cookie = kModifying,
                              .description = "its image features are being switched",
                              .lasts = kTurn};
  ASSIGN_OR_RETURN(const Taken taken, store.TakeGuard(sight.id, guard));
  if (taken != Taken::kTaken) {
    return false;
  }
  const absl::Status switched = store.SwitchFeatures(sight.id, features);
  const absl::Status released = store.BreakGuard(
      sight.id,
      {.client = store.OwnClient(), .cookie = kModifying, .address = "", .description = ""});
  RETURN_IF_ERROR(NotFinal(switched));
  RETURN_IF_ERROR(NotFinal(released));
  return true;
}

}  // namespace rbdcsi
