#include "controller/reaper.h"

#include <spdlog/spdlog.h>

#include <memory>

#include "absl/time/clock.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

// Deletes come in crowds, and their answers come first.
constexpr absl::Duration kAfterDelete = absl::Seconds(2);

}  // namespace

Reaper::Reaper(Stores& stores, absl::Duration interval) : stores_(stores), interval_(interval) {
  if (interval_ > absl::ZeroDuration()) {
    thread_ = std::thread([this] { Run(); });
  }
}

Reaper::~Reaper() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Reaper::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
}

bool Reaper::Stopping() {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

bool Reaper::Pause(absl::Duration duration) {
  absl::MutexLock lock(&mutex_);
  return !mutex_.AwaitWithTimeout(absl::Condition(&stopping_), duration);
}

bool Reaper::WaitForWork() {
  absl::MutexLock lock(&mutex_);
  const auto has_work = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return woken_ || stopping_; };
  mutex_.AwaitWithTimeout(absl::Condition(&has_work), interval_);
  woken_ = false;
  return !stopping_;
}

void Reaper::Run() {
  ReapEverything();  // what the last process left
  while (WaitForWork() && Pause(kAfterDelete)) {
    ReapEverything();
  }
}

void Reaper::ReapEverything() {
  const auto clusters = stores_.clusters().Read();
  if (!clusters.ok()) {
    return;  // config.cc has logged it
  }
  for (const ClusterConfig& config : **clusters) {
    const auto places = stores_.PlacesOf(config);
    if (!places.ok()) {
      // Without a mounted key the first call that brings one makes this work.
      spdlog::debug("reaper: cluster {}: {}", config.id, std::string(places.status().message()));
      continue;
    }
    for (const Place& place : *places) {
      ReapPlace(place);
    }
  }
}

void Reaper::ReapPlace(const Place& place) {
  const auto store = stores_.Open(place, nullptr);
  const auto trash = store.ok() ? (*store)->Trash() : store.status();
  if (!trash.ok()) {
    spdlog::warn("reaper: {}", std::string(trash.status().message()));
    return;
  }
  for (const TrashedImage& image : *trash) {
    if (Stopping()) {
      return;
    }
    if (!IsOurs(image) || image.deferred_until > absl::Now()) {
      continue;
    }
    const absl::Time begin = absl::Now();
    const absl::Status purged = (*store)->Purge(image);
    if (purged.ok()) {
      spdlog::info("reaper: removed {} (id {})", (*store)->Spec(image.name), image.id);
    } else {
      spdlog::info("reaper: {}", std::string(purged.message()));
    }
    if (!Pause(absl::Now() - begin)) {
      return;
    }
  }
}

}  // namespace rbdcsi
