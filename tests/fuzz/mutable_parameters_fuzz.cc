// Parameters of a VolumeAttributesClass: what is accepted is one value a key, within its bounds.
#include "controller/image_features.h"
#include "controller/mutable_parameters.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

// The limit of one direction is never looser than the one of both.
void CheckLimit(uint64_t limit, uint64_t of_both) {
  HOLDS(of_both == 0 || (limit != 0 && limit <= of_both));
}

void CheckTunables(const Tunables& tunables) {
  HOLDS(tunables.deletion_delay <= 3650 * uint64_t{86400});
  const IoLimits limits = tunables.Limits();
  CheckLimit(limits.read_iops, tunables.max_iops);
  CheckLimit(limits.write_iops, tunables.max_iops);
  CheckLimit(limits.read_bps, tunables.max_bandwidth);
  CheckLimit(limits.write_bps, tunables.max_bandwidth);
  IoLimits::Map map;
  limits.AddTo(map);
  const auto read = IoLimits::FromMap(map);
  HOLDS(read.ok() && *read == limits);
}

}  // namespace

void Fuzz(std::string_view input) {
  const Fields map = ParseFields(input);
  const auto parameters = ParseMutableParameters(map);
  if (!parameters.ok()) {
    HOLDS(absl::IsInvalidArgument(parameters.status()));
    return;
  }
  HOLDS(parameters->values.size() + (parameters->features.has_value() ? 1 : 0) == map.size());
  HOLDS(parameters->features.value_or(kFeatureLayering) != 0 &&
        (parameters->features.value_or(0) & kDerivedFeatures) == 0);
  for (const auto& [key, value] : map) {
    HOLDS(IsTunable(key) || key == "imageFeatures");
    HOLDS(!IsTunable(key) || !HasAnyOf(value, "+- ."));
  }
  Tunables tunables;
  parameters->ApplyTo(tunables);
  CheckTunables(tunables);
}

}  // namespace rbdcsi::fuzz
