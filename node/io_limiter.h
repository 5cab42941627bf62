// The I/O limits of a volume on its way into a pod: cgroup v2 io.max of the pod, for the volume's
// device. What holds and what does not is in docs/limits.md.
//
// Written before the volume is bound into the pod, so a pod never has the volume without its
// limits, and written again by each repeated publish. Nothing to undo: the entry goes with the
// pod's cgroup or with the device, whichever is first. A volume without limits costs one look: an
// entry that the pod has of earlier is taken off. Any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "csi/io_limits.h"
#include "node/mount_table.h"

namespace rbdcsi {

struct LimitRequest {
  std::string object;       // for messages: the volume
  std::string target_path;  // of the publish
  DeviceNumber device;
  IoLimits limits;
};

class IoLimiter {
 public:
  // Where the unified hierarchy is mounted: "/sys/fs/cgroup".
  explicit IoLimiter(std::string cgroup_root) : cgroup_root_(std::move(cgroup_root)) {}

  // FAILED_PRECONDITION: limits, but the target is not in a pod, or this node cannot limit.
  // UNAVAILABLE: the pod has no cgroup yet.
  absl::Status Apply(const LimitRequest& request, absl::Time deadline) const;

 private:
  std::string cgroup_root_;
};

// "254:16 rbps=max wbps=1048576 riops=100 wiops=max" (Documentation/admin-guide/cgroup-v2.rst).
std::string IoMaxLine(DeviceNumber device, const IoLimits& limits);

}  // namespace rbdcsi
