// Switches features of an image by librbd. One of rbd_image_store's steps. Blocking; any thread.
//
// krbd reads the features when it maps and never again: with object-map switched on under a map,
// its writes are missing in the object map, and every later reader takes their objects for holes.
// So only for an image that nobody has mapped.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "controller/ceph_handles.h"
#include "controller/image_store.h"

namespace rbdcsi {

// Off first, then on, then the object map is rebuilt if it has to be. What was done before is not
// done again.
absl::Status SwitchImageFeatures(Pool& pool, const std::string& id, const FeatureSwitch& features);

}  // namespace rbdcsi
