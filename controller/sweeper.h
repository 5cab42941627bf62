// What calls have left behind that nobody repeats: images that never became volumes, and snapshots
// that nobody will ask for (left_snapshots.h).
//
// One read for each image of ours, so it is done rarely. Blocking; any thread; several controllers
// may sweep the same place.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "controller/stores.h"

namespace rbdcsi {

// Longer than any CreateVolume whose caller still waits or repeats it.
inline constexpr absl::Duration kAbandonedImage = absl::Hours(1);

// `pause` is called with what each image took; it returns false to stop.
absl::Status Sweep(const OpenedPool& pool, absl::Time now,
                   const std::function<bool(absl::Duration)>& pause);

}  // namespace rbdcsi
