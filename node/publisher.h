// NodePublish and NodeUnpublish: a bind mount of the staged file system onto a directory, or of the
// device node onto a file, and its removal.
//
// A refused publish leaves nothing behind; an unpublish removes one empty directory or one empty
// file, never more. A block volume that was attached for writing cannot be published read-only: a
// read-only bind of a device node does not keep anybody from writing to it, and a second, read-only
// map of the image would not see the first one's cache; it is refused (attach it read-only). Any
// thread; one call per volume at a time (the RPC lock).
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "csi/capability.h"
#include "csi/io_limits.h"
#include "csi/volume_id.h"
#include "node/device_mapper.h"
#include "node/io_limiter.h"
#include "node/path.h"
#include "node/publish_rules.h"

namespace rbdcsi {

struct PublishRequest {
  VolumeId volume;
  std::string staging_path;
  std::string target_path;
  Capability capability;
  bool read_only = false;
  IoLimits limits;
};

struct UnpublishRequest {
  std::optional<VolumeId> volume;  // nullopt: an id that is not ours
  std::string target_path;
};

class Publisher {
 public:
  Publisher(DeviceMapper& mapper, const AllowedPaths& paths, std::string cgroup_root)
      : mapper_(mapper), paths_(paths), limiter_(std::move(cgroup_root)) {}

  // FAILED_PRECONDITION: not staged, the target's parent is missing, something else is there, the
  // access mode allows one target only, or limits that cannot be enforced. ALREADY_EXISTS:
  // published there differently. UNAVAILABLE: limits, and the pod has no cgroup yet.
  absl::Status Publish(const PublishRequest& request, absl::Time deadline);
  // OK also when there is nothing.
  absl::Status Unpublish(const UnpublishRequest& request, absl::Time deadline);

 private:
  struct Staged;
  absl::StatusOr<Staged> FindStaged(const PublishRequest& request);

  DeviceMapper& mapper_;
  const AllowedPaths& paths_;
  IoLimiter limiter_;
};

}  // namespace rbdcsi
