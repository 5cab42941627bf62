#include "controller/rbd_purge.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "controller/error_tables.h"
#include "controller/image_header.h"
#include "controller/pool_errors.h"
#include "csi/status.h"
#include "csi/step.h"

namespace rbdcsi {
namespace {

constexpr CephOperation kOperation = CephOperation::kPurge;

// As long as the watch of a client that has died.
constexpr absl::Duration kTurn = absl::Seconds(30);

// Two librbd clients that remove one image at a time end in a failed assertion of librbd (16.2:
// TrimRequest, is_lock_owner), and so of the controller. The turn keeps a second one from starting;
// a removal that takes longer than the turn still has the image open, and so watches it.
absl::Status TakePurgeTurn(Pool& pool, const TrashedImage& image) {
  const std::string object = pool.Spec(image.name);
  int r = image_header::TakePurgeTurn(pool, image.id, kTurn);
  if (r == -ENOENT) {
    return absl::OkStatus();  // half removed: librbd knows how to go on
  }
  bool busy = r == -EBUSY;
  if (!busy) {
    RETURN_IF_ERROR(Check(pool, kOperation, r, object));
    std::vector<Watcher> watchers;
    r = ListWatchers(pool.get(), class_calls::HeaderObject(image.id), &watchers);
    RETURN_IF_ERROR(Check(pool, kOperation, r == -ENOENT ? 0 : r, object));
    busy = std::any_of(watchers.begin(), watchers.end(), [&pool](const Watcher& watcher) {
      return watcher.client != pool.cluster().instance();
    });
  }
  return busy ? Fail(pool, kOperation, EBUSY, object) : absl::OkStatus();
}

}  // namespace

absl::Status FreeName(Pool& pool, const TrashedImage& image) {
  const Step step("free the name of a deleted image");
  const class_calls::NameAndId entry = {.name = image.name, .id = image.id};
  const std::string object = pool.Spec(image.name);
  RETURN_IF_ERROR(Check(pool, kOperation, image_header::RemoveFromDirectory(pool, entry), object));
  return Check(pool, kOperation, image_header::RemoveName(pool, entry), object);
}

absl::Status PurgeImage(Pool& pool, const TrashedImage& image) {
  const std::string object = pool.Spec(image.name);
  // First: the wait may be longer than what is asked and taken below stays true.
  ASSIGN_OR_RETURN(const auto turn, TakeTurnWithParent(pool, image.id, kOperation));
  // It may have been restored since the trash was listed.
  const int in_trash = image_header::IsInTrash(pool, image.id);
  RETURN_IF_ERROR(Check(pool, kOperation, in_trash, object));
  if (in_trash == 0) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(FreeName(pool, image));
  RETURN_IF_ERROR(TakePurgeTurn(pool, image));
  const Step step("remove deleted image");
  const int r = rbd_trash_remove(pool.get(), image.id.c_str(), true);
  return r == -ENOENT ? absl::OkStatus() : Check(pool, kOperation, r, object);
}

}  // namespace rbdcsi
