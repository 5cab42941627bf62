#include "controller/stores.h"

#include <algorithm>
#include <cerrno>

#include "controller/error_tables.h"
#include "csi/credentials.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

absl::StatusOr<std::vector<std::string>> Namespaces(const std::shared_ptr<Cluster>& cluster,
                                                    const std::string& pool_name) {
  ASSIGN_OR_RETURN(const Pool pool,
                   Pool::Open(cluster, {.pool = pool_name, .rados_namespace = ""}));
  std::string names(4096, '\0');
  size_t size = names.size();
  int r = rbd_namespace_list(pool.get(), names.data(), &size);
  if (r == -ERANGE) {
    names.resize(size);
    r = rbd_namespace_list(pool.get(), names.data(), &size);
  }
  std::vector<std::string> namespaces = {""};
  if (r == -ENOENT) {
    return namespaces;
  }
  if (r < 0) {
    return cluster->Fail(CephOperation::kList, -r, pool_name);
  }
  for (size_t at = 0; at < size && names[at] != '\0'; at += namespaces.back().size() + 1) {
    namespaces.emplace_back(names.c_str() + at);
  }
  return namespaces;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Cluster>> Stores::Connect(const ClusterConfig& config,
                                                         const Secrets* secrets) {
  if (secrets == nullptr && keys_directory_.empty()) {
    if (std::shared_ptr<Cluster> any = registry_.Any(config.id)) {
      return any;
    }
  }
  ASSIGN_OR_RETURN(
      const Credentials credentials,
      FindCredentials(secrets != nullptr ? *secrets : Secrets(), keys_directory_, config.id));
  return registry_.Get(config, credentials);
}

absl::StatusOr<Pool> Stores::OpenPool(const Place& place, const Secrets* secrets) {
  ASSIGN_OR_RETURN(const ClusterConfig config, clusters_.Find(place.cluster));
  ASSIGN_OR_RETURN(std::shared_ptr<Cluster> cluster, Connect(config, secrets));
  return Pool::Open(std::move(cluster),
                    {.pool = place.pool, .rados_namespace = place.rados_namespace});
}

absl::StatusOr<std::unique_ptr<ImageStore>> Stores::Open(const Place& place,
                                                         const Secrets* secrets) {
  ASSIGN_OR_RETURN(Pool pool, OpenPool(place, secrets));
  return MakeRbdImageStore(std::move(pool));
}

absl::StatusOr<std::shared_ptr<SnapshotStore>> Stores::OpenSnapshots(const Place& place,
                                                                     const Secrets* secrets) {
  ASSIGN_OR_RETURN(Pool pool, OpenPool(place, secrets));
  return MakeRbdSnapshotStore(std::move(pool));
}

absl::StatusOr<std::unique_ptr<GroupStore>> Stores::OpenGroups(const Place& place,
                                                               const Secrets* secrets) {
  ASSIGN_OR_RETURN(Pool pool, OpenPool(place, secrets));
  return MakeRbdGroupStore(std::move(pool));
}

absl::StatusOr<OpenedPool> Stores::OpenBoth(const Place& place, const Secrets* secrets) {
  OpenedPool opened;
  ASSIGN_OR_RETURN(opened.images, Open(place, secrets));
  ASSIGN_OR_RETURN(opened.snapshots, OpenSnapshots(place, secrets));
  return opened;
}

absl::StatusOr<std::vector<Place>> Stores::PlacesOf(const ClusterConfig& config,
                                                    const Secrets* secrets) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Cluster> cluster, Connect(config, secrets));
  std::vector<std::string> pools = config.pools;
  if (pools.empty()) {
    ASSIGN_OR_RETURN(pools, cluster->RbdPools());
  }
  std::vector<Place> places;
  for (const std::string& pool : pools) {
    const auto namespaces = Namespaces(cluster, pool);
    if (!namespaces.ok()) {
      // A pool that nobody named and this user may not read holds no volumes of ours.
      if (config.pools.empty() && absl::IsPermissionDenied(namespaces.status())) {
        continue;
      }
      return namespaces.status();
    }
    for (const std::string& name : *namespaces) {
      places.push_back({config.id, pool, name});
    }
  }
  std::sort(places.begin(), places.end());
  return places;
}

absl::StatusOr<std::vector<Place>> Stores::Places(const Place& first, const Secrets* secrets) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const ClusterList> clusters, clusters_.Read());
  std::vector<Place> places;
  for (const ClusterConfig& config : *clusters) {
    if (config.id < first.cluster) {
      continue;
    }
    ASSIGN_OR_RETURN(const std::vector<Place> some, PlacesOf(config, secrets));
    std::copy_if(some.begin(), some.end(), std::back_inserter(places),
                 [&first](const Place& place) { return !(place < first); });
  }
  std::sort(places.begin(), places.end());
  return places;
}

}  // namespace rbdcsi
