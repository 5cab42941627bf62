// What ControllerPublishVolume tells the node: everything it needs to map the image without asking
// anyone, and no secret.
//
// The controller writes it, the node reads it; both through these two functions, so the keys exist
// once. A key the node does not know is ignored (a newer controller may send more). Kubernetes
// stores it in the VolumeAttachment.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "csi/io_limits.h"

namespace rbdcsi {

struct PublishContext {
  std::string monitors;  // "192.0.2.1:3300,192.0.2.2:3300", as krbd takes them
  std::string pool;
  std::string rados_namespace;  // empty: default
  std::string image;
  std::string user;         // Ceph user id without "client."; empty: the node's own key file says
  uint64_t size_bytes = 0;  // at the time of the attach; the kernel knows better later
  std::string map_options;  // comma-separated krbd options of the StorageClass, already checked
  std::string unmap_options;
  std::string mkfs_options;
  bool read_only = false;  // map and mount read-only
  // Nobody can be writing the image, so a reader's node may replay its file system's journal.
  bool replay_journal = false;
  IoLimits limits;  // read again by NodePublish, which enforces them

  using Map = std::map<std::string, std::string>;
  Map ToMap() const;
  // INVALID_ARGUMENT naming the key: one that is needed is missing or malformed.
  static absl::StatusOr<PublishContext> FromMap(const Map& map);

  friend bool operator==(const PublishContext&, const PublishContext&) = default;
};

}  // namespace rbdcsi
