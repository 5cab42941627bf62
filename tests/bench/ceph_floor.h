// The raw librbd and librados calls that the controller's RPCs come down to: what a program that
// knew nothing of CSI would have to do at least. All take names in the connection's pool and leave
// nothing open. Any thread. Sizes in bytes.
#pragma once

#include <rbd/librbd.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/ceph_connection.h"

namespace rbdcsi {

// Everything rbd_create4 is told.
struct ImageShape {
  uint64_t size_bytes = 0;
  uint64_t features = 0;
  uint64_t order = 0;
  uint64_t stripe_unit = 0;
  uint64_t stripe_count = 0;
};

// Tells librbd to make an image of that shape. The size is told elsewhere.
absl::Status SetImageOptions(rbd_image_options_t options, const ImageShape& shape);

class CephFloor {
 public:
  explicit CephFloor(CephConnection& connection) : connection_(connection) {}

  // The shape of an image that exists, so that raw images can be made alike.
  absl::StatusOr<ImageShape> ShapeOf(const std::string& image);
  absl::StatusOr<std::string> IdOf(const std::string& image);

  absl::Status Create(const std::string& image, const ImageShape& shape);
  absl::Status OpenStatClose(const std::string& image);
  absl::Status Lock(const std::string& object);
  absl::Status Unlock(const std::string& object);
  absl::Status OpenResizeClose(const std::string& image, uint64_t size_bytes);
  absl::Status TrashMove(const std::string& image);
  absl::Status TrashRemove(const std::string& id);

 private:
  CephConnection& connection_;
};

}  // namespace rbdcsi
