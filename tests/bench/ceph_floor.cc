#include "tests/bench/ceph_floor.h"

#include <rbd/features.h>

#include <array>
#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace rbdcsi {
namespace {

constexpr const char* kLockName = "rbd-csi.attach";
constexpr const char* kLockCookie = "bench";
// librbd sets these by itself, from other options or from what is done with the image.
constexpr uint64_t kNotForCreate = RBD_FEATURES_INTERNAL | RBD_FEATURE_STRIPINGV2 |
                                   RBD_FEATURE_DATA_POOL | RBD_FEATURE_DIRTY_CACHE;

absl::Status ReadShape(rbd_image_t image, ImageShape* shape) {
  rbd_image_info_t info;
  RETURN_IF_ERROR(CephStatus(rbd_stat(image, &info, sizeof(info)), "rbd_stat"));
  shape->size_bytes = info.size;
  shape->order = static_cast<uint64_t>(info.order);
  RETURN_IF_ERROR(CephStatus(rbd_get_features(image, &shape->features), "rbd_get_features"));
  shape->features &= ~kNotForCreate;
  RETURN_IF_ERROR(
      CephStatus(rbd_get_stripe_unit(image, &shape->stripe_unit), "rbd_get_stripe_unit"));
  return CephStatus(rbd_get_stripe_count(image, &shape->stripe_count), "rbd_get_stripe_count");
}

}  // namespace

absl::Status SetImageOptions(rbd_image_options_t options, const ImageShape& shape) {
  struct Setting {
    int name;
    uint64_t value;
  };
  for (const Setting& setting : {Setting{RBD_IMAGE_OPTION_FEATURES, shape.features},
                                 Setting{RBD_IMAGE_OPTION_ORDER, shape.order},
                                 Setting{RBD_IMAGE_OPTION_STRIPE_UNIT, shape.stripe_unit},
                                 Setting{RBD_IMAGE_OPTION_STRIPE_COUNT, shape.stripe_count}}) {
    const bool plain = setting.name == RBD_IMAGE_OPTION_STRIPE_UNIT ||
                       setting.name == RBD_IMAGE_OPTION_STRIPE_COUNT;
    if (plain && shape.stripe_count == 1) {
      continue;
    }
    RETURN_IF_ERROR(
        CephStatus(rbd_image_options_set_uint64(options, setting.name, setting.value), "options"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ImageShape> CephFloor::ShapeOf(const std::string& image) {
  rbd_image_t handle = nullptr;
  RETURN_IF_ERROR(
      CephStatus(rbd_open_read_only(connection_.pool(), image.c_str(), &handle, nullptr),
                 absl::StrCat("open image ", image)));
  ImageShape shape;
  const absl::Status status = ReadShape(handle, &shape);
  rbd_close(handle);
  RETURN_IF_ERROR(status);
  return shape;
}

absl::StatusOr<std::string> CephFloor::IdOf(const std::string& image) {
  rbd_image_t handle = nullptr;
  RETURN_IF_ERROR(
      CephStatus(rbd_open_read_only(connection_.pool(), image.c_str(), &handle, nullptr),
                 absl::StrCat("open image ", image)));
  std::array<char, 128> id{};
  const int result = rbd_get_id(handle, id.data(), id.size());
  rbd_close(handle);
  RETURN_IF_ERROR(CephStatus(result, absl::StrCat("rbd_get_id ", image)));
  return std::string(id.data());
}

absl::Status CephFloor::Create(const std::string& image, const ImageShape& shape) {
  rbd_image_options_t options = nullptr;
  rbd_image_options_create(&options);
  absl::Cleanup destroy = [&options] { rbd_image_options_destroy(options); };
  RETURN_IF_ERROR(SetImageOptions(options, shape));
  return CephStatus(rbd_create4(connection_.pool(), image.c_str(), shape.size_bytes, options),
                    absl::StrCat("rbd_create4 ", image));
}

absl::Status CephFloor::OpenStatClose(const std::string& image) {
  rbd_image_t handle = nullptr;
  RETURN_IF_ERROR(
      CephStatus(rbd_open_read_only(connection_.pool(), image.c_str(), &handle, nullptr),
                 absl::StrCat("open image ", image)));
  rbd_image_info_t info;
  const int result = rbd_stat(handle, &info, sizeof(info));
  rbd_close(handle);
  return CephStatus(result, absl::StrCat("rbd_stat ", image));
}

absl::Status CephFloor::Lock(const std::string& object) {
  return CephStatus(rados_lock_exclusive(connection_.pool(), object.c_str(), kLockName, kLockCookie,
                                         "", nullptr, 0),
                    absl::StrCat("rados_lock_exclusive ", object));
}

absl::Status CephFloor::Unlock(const std::string& object) {
  return CephStatus(rados_unlock(connection_.pool(), object.c_str(), kLockName, kLockCookie),
                    absl::StrCat("rados_unlock ", object));
}

absl::Status CephFloor::OpenResizeClose(const std::string& image, uint64_t size_bytes) {
  rbd_image_t handle = nullptr;
  RETURN_IF_ERROR(CephStatus(rbd_open(connection_.pool(), image.c_str(), &handle, nullptr),
                             absl::StrCat("open image ", image)));
  const int result = rbd_resize(handle, size_bytes);
  rbd_close(handle);
  return CephStatus(result, absl::StrCat("rbd_resize ", image));
}

absl::Status CephFloor::TrashMove(const std::string& image) {
  return CephStatus(rbd_trash_move(connection_.pool(), image.c_str(), 0),
                    absl::StrCat("rbd_trash_move ", image));
}

absl::Status CephFloor::TrashRemove(const std::string& id) {
  return CephStatus(rbd_trash_remove(connection_.pool(), id.c_str(), false),
                    absl::StrCat("rbd_trash_remove ", id));
}

}  // namespace rbdcsi
