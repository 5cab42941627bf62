// The condition of a volume as the controller sees it: from its header, its guard, its watchers and
// its pool.
//
// The message says what was looked at, and what could not be: "nothing wrong" is only said of
// facts. What the node sees (device gone, read-only, I/O errors) is NodeGetVolumeStats' part. A
// volume that is being flattened works, and is not abnormal. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "controller/image_store.h"
#include "controller/pool_space.h"

namespace rbdcsi {

struct Condition {
  bool abnormal = false;
  std::string message;
};

struct Surroundings {
  uint64_t own_client = 0;
  PoolSpace space = PoolSpace::kUnknown;  // the fullest of the volume's pools
};

// `look`: an error when the header could not be read.
Condition ConditionOf(const absl::StatusOr<Sight>& look, const Surroundings& around);

}  // namespace rbdcsi
