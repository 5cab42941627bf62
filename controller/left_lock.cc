#include "controller/left_lock.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controller/image_header.h"
#include "controller/pool_errors.h"
#include "controller/watchers.h"
#include "csi/step.h"

namespace rbdcsi::left_lock {

int Clear(Pool& pool, const std::string& image_id, const class_calls::Locker& owner) {
  std::vector<Watcher> watchers;
  if (const int r = ListWatchers(pool.get(), class_calls::HeaderObject(image_id), &watchers);
      r < 0) {
    return r == -ENOENT ? 0 : r;
  }
  // librbd's form, by which it too tells whether an owner lives.
  const bool lives = std::any_of(watchers.begin(), watchers.end(), [&](const Watcher& watcher) {
    return watcher.client == owner.client && absl::StrCat("auto ", watcher.handle) == owner.cookie;
  });
  if (lives) {
    return 0;
  }
  spdlog::warn("image {}: its lock was left behind by a handle of ours, \"{}\"; taken away",
               SpecById(pool, image_id), owner.cookie);
  const Step step("take the lock that was left");
  const int r = image_header::BreakLock(pool, image_id, image_header::kOwnerLock, owner);
  return r == -ENOENT ? 0 : r;
}

}  // namespace rbdcsi::left_lock
