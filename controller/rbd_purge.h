// Removes an image of the trash for good, by librbd. One of rbd_image_store's steps. Blocking; any
// thread.
#pragma once

#include "absl/status/status.h"
#include "controller/ceph_handles.h"
#include "controller/image_store.h"

namespace rbdcsi {

// What the call that moved the image to the trash may have died before.
absl::Status FreeName(Pool& pool, const TrashedImage& image);

// OK as well when it is no longer in the trash. UNAVAILABLE: somebody has it open, or removes it.
absl::Status PurgeImage(Pool& pool, const TrashedImage& image);

}  // namespace rbdcsi
