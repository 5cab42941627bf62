#include "controller/rounds.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace rbdcsi {

void Rounds::Start(std::function<void()> round) {
  if (timing_.interval <= absl::ZeroDuration()) {
    return;
  }
  thread_ = std::thread([this, round = std::move(round)] {
    round();  // what the last process left
    while (WaitForWork() && Pause(timing_.settle)) {
      round();
    }
  });
}

void Rounds::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Rounds::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
}

bool Rounds::Stopping() {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

bool Rounds::Pause(absl::Duration duration) {
  absl::MutexLock lock(&mutex_);
  return !mutex_.AwaitWithTimeout(absl::Condition(&stopping_), duration);
}

bool Rounds::WaitForWork() {
  absl::MutexLock lock(&mutex_);
  const auto has_work = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return woken_ || stopping_; };
  mutex_.AwaitWithTimeout(absl::Condition(&has_work), timing_.interval);
  woken_ = false;
  return !stopping_;
}

void ForEachPlace(Stores& stores, std::string_view who,
                  const std::function<void(const Place&)>& visit) {
  const auto clusters = stores.clusters().Read();
  if (!clusters.ok()) {
    return;  // config.cc has logged it
  }
  for (const ClusterConfig& config : **clusters) {
    const auto places = stores.PlacesOf(config);
    if (!places.ok()) {
      // Without a mounted key the first call that brings one makes this work.
      spdlog::debug("{}: cluster {}: {}", who, config.id, std::string(places.status().message()));
      continue;
    }
    for (const Place& place : *places) {
      visit(place);
    }
  }
}

}  // namespace rbdcsi
