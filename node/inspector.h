// NodeGetVolumeStats and NodeExpandVolume: both start from any path where a volume is, staged or
// published, and find out there what it is.
//
// Stats never wait for Ceph: statfs(2) of a mounted ext4 or xfs is answered from memory, a block
// volume's size is in sysfs, and the one read that the condition needs has an end. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "csi/volume_id.h"
#include "node/condition.h"
#include "node/device_mapper.h"
#include "node/path.h"
#include "node/read_probe.h"

namespace rbdcsi {

struct Amount {
  uint64_t total = 0;
  uint64_t used = 0;
  uint64_t available = 0;
};

struct VolumeUsage {
  bool block = false;   // only bytes.total is set then
  bool counted = true;  // false: a dead file system answers no numbers
  Amount bytes;
  Amount inodes;
  Condition condition;
};

struct VolumeAt {
  VolumeId volume;
  std::string path;
};

struct ExpandRequest {
  VolumeAt at;
  uint64_t required_bytes = 0;  // 0: whatever the image has
};

class Inspector {
 public:
  Inspector(DeviceMapper& mapper, const AllowedPaths& paths) : mapper_(mapper), paths_(paths) {}

  // NOT_FOUND: the volume is not at that path. A path whose device is gone is an answer.
  absl::StatusOr<VolumeUsage> Usage(const VolumeAt& at);
  // The size of the volume afterwards. UNAVAILABLE: the kernel does not show the new size yet.
  absl::StatusOr<uint64_t> Expand(const ExpandRequest& request, absl::Time deadline);

 private:
  struct Found;
  absl::StatusOr<Found> FindAt(const VolumeAt& at);
  absl::StatusOr<Condition> ConditionOf(const VolumeAt& at, const Found& found);
  bool IsGoneAt(const std::string& path) const;

  DeviceMapper& mapper_;
  const AllowedPaths& paths_;
  ReadProbe reads_;
};

}  // namespace rbdcsi
