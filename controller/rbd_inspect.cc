#include "controller/rbd_inspect.h"

#include <algorithm>
#include <cerrno>

#include "controller/image_header.h"
#include "controller/pool_errors.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr CephOperation kOperation = CephOperation::kInspect;

int StopAtFirstExtent(uint64_t, size_t, int exists, void* found) {
  if (exists != 0) {
    *static_cast<bool*>(found) = true;
    return -ECANCELED;
  }
  return 0;
}

absl::Status Describe(Pool& pool, Image& image, const std::string& id, Inspection& inspection) {
  const std::string object = SpecById(pool, id);
  rbd_image_info_t info = {};
  RETURN_IF_ERROR(Check(pool, kOperation, rbd_stat(image.get(), &info, sizeof(info)), object));
  ImageSpec& spec = inspection.spec;
  spec.size_bytes = info.size;
  spec.order = static_cast<uint8_t>(info.order);
  RETURN_IF_ERROR(Check(pool, kOperation, rbd_get_features(image.get(), &spec.features), object));
  RETURN_IF_ERROR(
      Check(pool, kOperation, rbd_get_stripe_unit(image.get(), &spec.stripe_unit), object));
  RETURN_IF_ERROR(
      Check(pool, kOperation, rbd_get_stripe_count(image.get(), &spec.stripe_count), object));
  const int64_t data_pool = rbd_get_data_pool_id(image.get());
  if (data_pool >= 0 && data_pool != rados_ioctx_get_id(pool.get())) {
    char name[256] = {};
    const int r = rados_pool_reverse_lookup(pool.cluster().get(), data_pool, name, sizeof(name));
    RETURN_IF_ERROR(Check(pool, kOperation, r, object));
    spec.data_pool = name;
  }
  inspection.complete = true;
  if ((spec.features & RBD_FEATURE_OBJECT_MAP) != 0) {
    const int r = image_header::Exists(pool, class_calls::ObjectMapObject(id));
    inspection.complete = r == 0;
    return r == -ENOENT ? absl::OkStatus() : Check(pool, kOperation, r, object);
  }
  return absl::OkStatus();
}

absl::Status FindTraces(Pool& pool, Image& image, const std::string& id, Inspection& inspection) {
  const std::string object = SpecById(pool, id);
  rbd_snap_info_t end[1] = {};  // librbd wants room for an end mark
  int room = 1;
  const int snapshots = rbd_snap_list(image.get(), end, &room);
  if (snapshots == -ERANGE) {
    return absl::OkStatus();  // there is at least one
  }
  RETURN_IF_ERROR(Check(pool, kOperation, snapshots, object));
  bool written = false;
  const int r = rbd_diff_iterate2(image.get(), nullptr, 0, inspection.spec.size_bytes, 0, 1,
                                  StopAtFirstExtent, &written);
  if (!written) {
    RETURN_IF_ERROR(Check(pool, kOperation, r, object));
  }
  // A client that opened it would not have shown up in the diff yet.
  image_header::Header header;
  RETURN_IF_ERROR(Check(pool, kOperation, image_header::ReadHeader(pool, id, &header), object));
  const bool watched = std::any_of(
      header.watchers.begin(), header.watchers.end(),
      [&pool](const Watcher& watcher) { return watcher.client != pool.cluster().instance(); });
  inspection.virgin = !written && !watched;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Inspection> InspectImage(Pool& pool, const std::string& id) {
  ASSIGN_OR_RETURN(Image image, Image::OpenById(pool, id, Image::Mode::kReadOnly, kOperation));
  Inspection inspection;
  RETURN_IF_ERROR(Describe(pool, image, id, inspection));
  RETURN_IF_ERROR(FindTraces(pool, image, id, inspection));
  return inspection;
}

}  // namespace rbdcsi
