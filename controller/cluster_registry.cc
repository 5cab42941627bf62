#include "controller/cluster_registry.h"

#include <spdlog/spdlog.h>

#include <functional>
#include <vector>

#include "absl/time/clock.h"

namespace rbdcsi {

std::shared_ptr<ClusterRegistry::Entry> ClusterRegistry::EntryFor(const Key& key) {
  absl::MutexLock lock(&mutex_);
  std::shared_ptr<Entry>& entry = entries_[key];
  if (entry == nullptr) {
    entry = std::make_shared<Entry>();
  }
  return entry;
}

absl::StatusOr<std::shared_ptr<Cluster>> ClusterRegistry::Get(const ClusterConfig& config,
                                                              const Credentials& credentials) {
  const absl::Time asked = absl::Now();
  const std::shared_ptr<Entry> entry = EntryFor({config.id, credentials.user});
  const std::string monitors = config.MonHost();
  const size_t key_hash = std::hash<std::string>()(credentials.key);
  absl::MutexLock lock(&entry->connecting);
  if (entry->cluster != nullptr && !entry->cluster->IsDead() && entry->monitors == monitors &&
      entry->key_hash == key_hash) {
    return entry->cluster;
  }
  if (entry->failed_at > asked && entry->failed_key_hash == key_hash) {
    return entry->failure;
  }
  absl::StatusOr<std::shared_ptr<Cluster>> made =
      Cluster::Connect({.id = config.id, .monitors = monitors}, credentials);
  if (!made.ok()) {
    // The old connection stays: a request with a wrong key must not hurt those with the right one.
    entry->failure = made.status();
    entry->failed_at = absl::Now();
    entry->failed_key_hash = key_hash;
    return made.status();
  }
  spdlog::info("connected to cluster {} as client.{}", config.id, credentials.user);
  entry->cluster = *made;
  entry->monitors = monitors;
  entry->key_hash = key_hash;
  return made;
}

std::shared_ptr<Cluster> ClusterRegistry::Any(const std::string& cluster_id) {
  std::vector<std::shared_ptr<Entry>> candidates;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [key, entry] : entries_) {
      if (key.first == cluster_id) {
        candidates.push_back(entry);
      }
    }
  }
  for (const auto& entry : candidates) {
    absl::MutexLock lock(&entry->connecting);
    if (entry->cluster != nullptr && !entry->cluster->IsDead()) {
      return entry->cluster;
    }
  }
  return nullptr;
}

}  // namespace rbdcsi
