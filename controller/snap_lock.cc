#include "controller/snap_lock.h"

#include <cerrno>

#include "absl/time/clock.h"
#include "controller/class_calls.h"
#include "controller/image_header.h"
#include "csi/step.h"

namespace rbdcsi {
namespace {

constexpr char kLock[] = "rbd-csi.snapshot";
constexpr char kCopier[] = "copy up";
constexpr absl::Duration kSnapshotTime = absl::Seconds(60);  // longer than librbd tries
constexpr absl::Duration kPatience = absl::Seconds(10);
constexpr absl::Duration kPause = absl::Milliseconds(30);

int Take(Pool& pool, const std::string& image_id, const class_calls::LockRequest& request) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (true) {
    const int r = image_header::TakeGuard(pool, image_id, request);
    if (r != -EBUSY || absl::Now() > deadline) {
      return r;
    }
    absl::SleepFor(kPause);
  }
}

}  // namespace

SnapLock SnapLock::ToSnap(Pool& pool, const std::string& image_id, const std::string& snapshot) {
  const Step step("keep a flattening away");
  return {pool, image_id, snapshot,
          Take(pool, image_id,
               {.name = kLock,
                .type = class_calls::LockType::kShared,
                .cookie = snapshot,
                .description = "",
                .lasts = kSnapshotTime})};
}

SnapLock SnapLock::ToCopyUp(Pool& pool, const std::string& image_id, absl::Duration lasts) {
  const Step step("keep snapshots away");
  return {pool, image_id, kCopier,
          Take(pool, image_id,
               {.name = kLock,
                .type = class_calls::LockType::kExclusive,
                .cookie = kCopier,
                .description = "",
                .lasts = lasts})};
}

SnapLock::~SnapLock() {
  if (result_ != 0) {
    return;
  }
  class_calls::Locker self;
  self.client = pool_.cluster().instance();
  self.cookie = cookie_;
  const Step step("end what kept flattening or snapshots away");
  // A lock that stays ends by itself.
  static_cast<void>(image_header::BreakLock(pool_, image_id_, kLock, self));
}

}  // namespace rbdcsi
