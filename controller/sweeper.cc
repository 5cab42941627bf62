#include "controller/sweeper.h"

#include <spdlog/spdlog.h>

#include "absl/time/clock.h"
#include "controller/left_snapshots.h"
#include "controller/provisioner.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr size_t kPage = 500;

// An image of ours without a record, untouched for long: empty, or somebody's business.
absl::Status TrashIfVirgin(const OpenedPool& pool, const ListedImage& image,
                           const std::string& id) {
  ASSIGN_OR_RETURN(const Inspection found, pool.images->Inspect(id));
  if (!found.virgin) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Taken taken, pool.images->ClaimWithoutRecord(
                                          id, {.type = class_calls::LockType::kExclusive,
                                               .cookie = kDeleting,
                                               .description = "a volume that was never finished"}));
  if (taken != Taken::kTaken && taken != Taken::kHeldByUs) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(pool.images->MoveToTrash({.name = image.name, .id = id}));
  spdlog::info("sweeper: moved {} (id {}) to the trash, it is empty and never became a volume",
               pool.images->Spec(image.name), id);
  return absl::OkStatus();
}

// A client that has its lock back is known by it again.
absl::Status ForgetReturned(ImageStore& store, const Sight& sight) {
  for (const class_calls::Locker& lost : sight.lost.lockers) {
    for (const class_calls::Locker& owner : sight.owner.lockers) {
      if (owner.address == lost.cookie) {
        RETURN_IF_ERROR(store.ForgetLost(sight.id, lost));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status SweepImage(const OpenedPool& pool, const ListedImage& image, absl::Time now) {
  ASSIGN_OR_RETURN(const Sight sight, pool.images->LookById(image.id));
  if (sight.state != Sight::State::kPresent) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(ForgetReturned(*pool.images, sight));
  if (!sight.snapshots.empty()) {
    return RemoveLeftSnapshots(*pool.snapshots, sight, now).status();
  }
  const bool abandoned = sight.record.empty() && sight.guard.lockers.empty() &&
                         now - sight.header_changed > kAbandonedImage;
  return abandoned ? TrashIfVirgin(pool, image, sight.id) : absl::OkStatus();
}

}  // namespace

absl::Status Sweep(const OpenedPool& pool, absl::Time now,
                   const std::function<bool(absl::Duration)>& pause) {
  std::string after;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<ListedImage> images, pool.images->Names(after, kPage));
    for (const ListedImage& image : images) {
      const absl::Time begin = absl::Now();
      if (const absl::Status swept = SweepImage(pool, image, now); !swept.ok()) {
        spdlog::warn("sweeper: {}", std::string(swept.message()));
      }
      if (!pause(absl::Now() - begin)) {
        return absl::OkStatus();
      }
    }
    if (images.size() < kPage) {
      return absl::OkStatus();
    }
    after = images.back().name;
  }
}

}  // namespace rbdcsi
