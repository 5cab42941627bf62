#include "controller/modifier.h"

#include "absl/strings/str_cat.h"
#include "controller/feature_switch.h"
#include "controller/image_features.h"
#include "controller/provisioner.h"
#include "controller/volume_record.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr int kRounds = 6;

struct Plan {
  FeatureSwitch features;
  bool rebuild = false;  // features are right, the object map is not
  std::string record;

  bool Switches() const { return features.on != 0 || features.off != 0; }
};

absl::StatusOr<Plan> Decide(const Sight& sight, const MutableParameters& wanted) {
  // A static volume gets a record of nothing but what was asked for here.
  auto record = sight.record.empty() ? VolumeRecord() : VolumeRecord::FromJson(sight.record);
  if (!record.has_value()) {
    return absl::FailedPreconditionError(
        "the image's metadata key rbd-csi.volume is not a record that this version understands");
  }
  Plan plan;
  if (wanted.features.has_value()) {
    ASSIGN_OR_RETURN(plan.features, DecideFeatures(sight.features, *wanted.features));
    plan.rebuild = sight.map_invalid && (*wanted.features & kFeatureObjectMap) != 0;
    record->features = record->name.empty() ? 0 : *wanted.features;
  }
  wanted.ApplyTo(record->tunables);
  const bool changed = wanted.features.has_value() || !wanted.values.empty();
  plan.record = changed ? record->ToJson() : sight.record;
  return plan;
}

// True: done.
absl::StatusOr<bool> ModifyOnce(ImageStore& store, const std::string& image,
                                const std::map<std::string, std::string>& parameters) {
  ASSIGN_OR_RETURN(const Sight sight, store.Look(image));
  if (!IsVolume(sight, image)) {
    return absl::NotFoundError("no such volume");
  }
  ASSIGN_OR_RETURN(const MutableParameters wanted, ParseMutableParameters(parameters));
  ASSIGN_OR_RETURN(const Plan plan, Decide(sight, wanted));
  if (plan.Switches()) {
    ASSIGN_OR_RETURN(const bool switched, SwitchFeatures(store, sight, plan.features));
    if (!switched) {
      return false;
    }
  } else if (plan.rebuild) {
    RETURN_IF_ERROR(NotFinal(store.SwitchFeatures(sight.id, {})));
  }
  if (plan.record == sight.record) {
    return true;
  }
  const auto written = store.ReplaceRecord(sight.id, sight.record, plan.record);
  if (!written.ok()) {
    return NotFinal(written.status());
  }
  return *written == Written::kWritten;
}

}  // namespace

absl::StatusOr<FeatureSwitch> DecideFeatures(uint64_t features, uint64_t wanted) {
  const FeatureSwitch change = {.on = wanted & ~features,
                                .off = kDefaultImageFeatures & features & ~wanted};
  if (((change.on | change.off) & kFeatureLayering) != 0) {
    return absl::InvalidArgumentError(
        "mutable parameter imageFeatures: layering cannot be switched on or off later");
  }
  if ((change.on & kFeatureDeepFlatten) != 0) {
    return absl::InvalidArgumentError(
        "mutable parameter imageFeatures: deep-flatten cannot be switched on later");
  }
  return change;
}

absl::Status ModifyVolume(ImageStore& store, const std::string& image,
                          const std::map<std::string, std::string>& parameters) {
  const std::string what = absl::StrCat("modify volume ", store.Spec(image));
  for (int round = 0; round < kRounds; ++round) {
    const auto done = ModifyOnce(store, image, parameters);
    if (!done.ok()) {
      return Annotate(done.status(), what);
    }
    if (*done) {
      return absl::OkStatus();
    }
  }
  return absl::AbortedError(
      absl::StrCat(what, ": other controllers keep changing it (call again)"));
}

}  // namespace rbdcsi
