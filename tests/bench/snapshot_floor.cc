#include "tests/bench/snapshot_floor.h"

#include <rbd/librbd.h>

#include <functional>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr uint64_t kCloneFormat = 2;
constexpr int kMaxSnapshots = 64;  // of an image that the bench has made

using Use = std::function<absl::Status(rbd_image_t image)>;

absl::Status WithOpen(rados_ioctx_t pool, const std::string& name, const Use& use) {
  rbd_image_t image = nullptr;
  RETURN_IF_ERROR(
      CephStatus(rbd_open(pool, name.c_str(), &image, nullptr), absl::StrCat("open image ", name)));
  const absl::Status status = use(image);
  const int closed = rbd_close(image);
  RETURN_IF_ERROR(status);
  return CephStatus(closed, absl::StrCat("close image ", name));
}

absl::Status TakeIn(rbd_image_t image, const std::string& name) {
  return CephStatus(rbd_snap_create(image, name.c_str()), absl::StrCat("rbd_snap_create ", name));
}

absl::Status RemoveIn(rbd_image_t image, const std::string& name) {
  return CephStatus(rbd_snap_remove(image, name.c_str()), absl::StrCat("rbd_snap_remove ", name));
}

absl::Status RemoveAllIn(rbd_image_t image) {
  int count = kMaxSnapshots;
  std::vector<rbd_snap_info_t> snapshots(count);
  const int found = rbd_snap_list(image, snapshots.data(), &count);
  RETURN_IF_ERROR(CephStatus(found, "rbd_snap_list"));
  absl::Status status;
  for (int i = 0; i < found; ++i) {
    status.Update(RemoveIn(image, snapshots[i].name));
  }
  if (found > 0) {
    rbd_snap_list_end(snapshots.data());
  }
  return status;
}

}  // namespace

absl::Status SnapshotFloor::Take(const Snapshot& snapshot) {
  return WithOpen(connection_.pool(), snapshot.image,
                  [&](rbd_image_t image) { return TakeIn(image, snapshot.name); });
}

absl::Status SnapshotFloor::Find(const Snapshot& snapshot) {
  rbd_image_t image = nullptr;
  RETURN_IF_ERROR(
      CephStatus(rbd_open_read_only(connection_.pool(), snapshot.image.c_str(), &image, nullptr),
                 absl::StrCat("open image ", snapshot.image)));
  uint64_t id = 0;
  const int result = rbd_snap_get_id(image, snapshot.name.c_str(), &id);
  rbd_close(image);
  return CephStatus(result, absl::StrCat("rbd_snap_get_id ", snapshot.name));
}

absl::Status SnapshotFloor::Remove(const Snapshot& snapshot) {
  return WithOpen(connection_.pool(), snapshot.image,
                  [&](rbd_image_t image) { return RemoveIn(image, snapshot.name); });
}

absl::Status SnapshotFloor::Clone(const Snapshot& parent, const Child& child) {
  rbd_image_options_t options = nullptr;
  rbd_image_options_create(&options);
  absl::Cleanup destroy = [&options] { rbd_image_options_destroy(options); };
  RETURN_IF_ERROR(SetImageOptions(options, child.shape));
  RETURN_IF_ERROR(
      CephStatus(rbd_image_options_set_uint64(options, RBD_IMAGE_OPTION_CLONE_FORMAT, kCloneFormat),
                 "clone format"));
  return CephStatus(rbd_clone3(connection_.pool(), parent.image.c_str(), parent.name.c_str(),
                               connection_.pool(), child.image.c_str(), options),
                    absl::StrCat("rbd_clone3 ", child.image));
}

absl::Status SnapshotFloor::CloneNow(const Snapshot& parent, const Child& child) {
  return WithOpen(connection_.pool(), parent.image, [&](rbd_image_t image) {
    RETURN_IF_ERROR(TakeIn(image, parent.name));
    RETURN_IF_ERROR(Clone(parent, child));
    return RemoveIn(image, parent.name);
  });
}

absl::Status SnapshotFloor::RemoveImage(const std::string& image) {
  RETURN_IF_ERROR(WithOpen(connection_.pool(), image, RemoveAllIn));
  return CephStatus(rbd_remove(connection_.pool(), image.c_str()),
                    absl::StrCat("rbd_remove ", image));
}

}  // namespace rbdcsi
