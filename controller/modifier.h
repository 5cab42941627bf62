// ControllerModifyVolume: what a VolumeAttributesClass changes of a volume that exists.
//
// Everything is checked before anything is changed. Features come first, because they alone can be
// refused by Ceph; then the record, as a whole, by compare and set. A repeat after a death in
// between finds the features as they should be and goes on with the record. Features are only
// switched while no node has the volume (feature_switch.h). Blocking; any thread.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/image_store.h"
#include "controller/mutable_parameters.h"

namespace rbdcsi {

// What to switch of an image that has `features`. INVALID_ARGUMENT: cannot be switched later.
absl::StatusOr<FeatureSwitch> DecideFeatures(uint64_t features, uint64_t wanted);

// NOT_FOUND before INVALID_ARGUMENT. FAILED_PRECONDITION: features are to be switched, and somebody
// has it attached or mapped.
absl::Status ModifyVolume(ImageStore& store, const std::string& image,
                          const std::map<std::string, std::string>& parameters);

}  // namespace rbdcsi
