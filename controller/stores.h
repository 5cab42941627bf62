// From names to open things: cluster id + credentials + pool -> ImageStore.
//
// Puts the clusters file, the mounted keys and the open connections together, so that the service
// above knows none of them. Any thread.
#pragma once

#include <google/protobuf/map.h>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/cluster_registry.h"
#include "controller/config.h"
#include "controller/group_store.h"
#include "controller/image_store.h"
#include "controller/snapshot_store.h"
#include "csi/volume_id.h"

namespace rbdcsi {

using Secrets = google::protobuf::Map<std::string, std::string>;

// A place where volumes may live; ordered, so that listing has an order.
struct Place {
  std::string cluster;
  std::string pool;
  std::string rados_namespace;

  friend bool operator==(const Place&, const Place&) = default;
  friend bool operator<(const Place& left, const Place& right) {
    return std::tie(left.cluster, left.pool, left.rados_namespace) <
           std::tie(right.cluster, right.pool, right.rados_namespace);
  }
};

// Both ports of a place, open.
struct OpenedPool {
  std::shared_ptr<ImageStore> images;
  std::shared_ptr<SnapshotStore> snapshots;
  PoolStores stores() const { return {.images = *images, .snapshots = *snapshots}; }
};

class Stores {
 public:
  // `keys_directory`: csi/credentials.h.
  Stores(ClustersFile& clusters, std::string keys_directory)
      : clusters_(clusters), keys_directory_(std::move(keys_directory)) {}

  ClustersFile& clusters() { return clusters_; }
  // `secrets`: the request's, or null for calls whose message has no such field (lists, capacity,
  // the reaper). Only the latter may ride on a connection that another call's secrets made, and
  // only where there is no keys directory: a tenant without a key must not use another tenant's.
  absl::StatusOr<std::unique_ptr<ImageStore>> Open(const Place& place, const Secrets* secrets);
  absl::StatusOr<OpenedPool> OpenBoth(const Place& place, const Secrets* secrets);
  absl::StatusOr<std::shared_ptr<SnapshotStore>> OpenSnapshots(const Place& place,
                                                               const Secrets* secrets);
  absl::StatusOr<std::unique_ptr<GroupStore>> OpenGroups(const Place& place,
                                                         const Secrets* secrets);
  absl::StatusOr<std::shared_ptr<Cluster>> Connect(const ClusterConfig& config,
                                                   const Secrets* secrets);
  // Every place of every configured cluster that holds images made for RBD, sorted. Only from
  // `first` on: earlier ones are not even asked for.
  absl::StatusOr<std::vector<Place>> Places(const Place& first, const Secrets* secrets = nullptr);
  // The places of one cluster.
  absl::StatusOr<std::vector<Place>> PlacesOf(const ClusterConfig& config,
                                              const Secrets* secrets = nullptr);

 private:
  absl::StatusOr<Pool> OpenPool(const Place& place, const Secrets* secrets);

  ClustersFile& clusters_;
  const std::string keys_directory_;
  ClusterRegistry registry_;
};

}  // namespace rbdcsi
