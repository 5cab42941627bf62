#include "csi/keyed_lock.h"

#include <utility>

#include "absl/strings/str_format.h"

namespace rbdcsi {

KeyedLock::Guard::Guard(Guard&& other) noexcept
    : lock_(std::exchange(other.lock_, nullptr)), key_(std::move(other.key_)) {}

KeyedLock::Guard::~Guard() {
  if (lock_ != nullptr) {
    absl::MutexLock hold(&lock_->mutex_);
    lock_->holders_.erase(key_);
  }
}

absl::StatusOr<KeyedLock::Guard> KeyedLock::TryAcquire(const std::string& key, const Call& call) {
  // The holder stays alive while its entry is in the map, so its step may be read under this mutex
  // only.
  absl::MutexLock hold(&mutex_);
  const auto [entry, inserted] = holders_.try_emplace(key, &call);
  if (inserted) {
    return Guard(this, key);
  }
  const Call& holder = *entry->second;
  return absl::AbortedError(absl::StrFormat(
      "volume %s is busy: %s %s has held it for %.1f s, at step \"%s\" (call again)", key,
      holder.method(), holder.id(), absl::ToDoubleSeconds(absl::Now() - holder.start()),
      holder.step()));
}

}  // namespace rbdcsi
