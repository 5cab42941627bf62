// Switching an image's features while nobody has it.
//
// The kernel reads the features when it maps and never again (rbd_features.h), so the attach guard
// is held meanwhile, for a time that ends by itself. Blocking; any thread.
#pragma once

#include "absl/status/statusor.h"
#include "controller/image_store.h"

namespace rbdcsi {

// False: somebody was faster, look again. FAILED_PRECONDITION: a node has it attached, or a client
// has it open or mapped; the message says who. ABORTED: its features are being switched already.
absl::StatusOr<bool> SwitchFeatures(ImageStore& store, const Sight& sight,
                                    const FeatureSwitch& features);

}  // namespace rbdcsi
