// Mutable parameters: what a VolumeAttributesClass may say, at CreateVolume and at
// ControllerModifyVolume.
//
// Parsed as a whole before anything is applied: a key that is not known or a value that is
// malformed is INVALID_ARGUMENT, and the message says what to write instead. A key that is not
// given leaves what the volume has; "0" takes a limit or a delay away. docs/parameters.md is for
// users. Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/volume_record.h"

namespace rbdcsi {

struct MutableParameters {
  std::optional<uint64_t> features;  // the whole list, as in a StorageClass
  struct Value {
    uint64_t Tunables::*tunable;
    uint64_t value;
  };
  std::vector<Value> values;

  // The tunables alone; features follow from the image.
  void ApplyTo(Tunables& tunables) const;
};

absl::StatusOr<MutableParameters> ParseMutableParameters(
    const std::map<std::string, std::string>& parameters);

// True for the keys that only a volume's tunables have: a StorageClass may give them as well.
bool IsTunable(std::string_view key);

}  // namespace rbdcsi
