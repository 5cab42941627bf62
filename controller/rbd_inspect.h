// What an image without a record turns out to be: opened read-only, about 20 OSD operations. One of
// rbd_image_store's steps. Blocking; any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "controller/ceph_handles.h"
#include "controller/image_store.h"

namespace rbdcsi {

absl::StatusOr<Inspection> InspectImage(Pool& pool, const std::string& id);

}  // namespace rbdcsi
