// The port to whatever turns an image into a block device on this node. krbd.cc is the adapter for
// the kernel's rbd driver; its implementation has no header.
//
// Implementations keep no state: the kernel is asked each time. At most one mapping of a volume
// exists on a node, also when this process was killed in the middle of making one. Devices that
// were not mapped by this driver for that volume are never found, used or removed. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "csi/credentials.h"
#include "csi/volume_id.h"
#include "node/mount_table.h"

namespace rbdcsi {

struct MappedDevice {
  std::string id = {};    // krbd's number
  std::string name = {};  // "rbd0", as in /sys/block
  std::string path = {};  // "/dev/rbd0"
  DeviceNumber number = {};
  uint64_t size_bytes = 0;
  bool read_only = false;         // now
  bool mapped_read_only = false;  // as it was asked for
  bool exclusive = false;         // mapped with MapRequest::exclusive
};

struct MapRequest {
  VolumeId volume;
  std::string monitors;  // "192.0.2.1:3300,192.0.2.2:3300"
  Credentials credentials;
  std::string options;  // of the StorageClass
  bool read_only = false;
  // For writing, and nobody else may have the image mapped like this: the map fails while another
  // node has. For moments only, the controller's online resize and snapshots fail meanwhile.
  bool exclusive = false;
};

struct MapResult {
  MappedDevice device;
  bool reused = false;  // it was there before this call
};

class DeviceMapper {
 public:
  virtual ~DeviceMapper() = default;

  // A device for the volume, with exactly these options: an existing one is used if it fits,
  // replaced if it does not and is idle. FAILED_PRECONDITION: it does not fit and is in use.
  virtual absl::StatusOr<MapResult> Map(const MapRequest& request, absl::Time deadline) = 0;
  // The volume's device, if it is mapped.
  virtual absl::StatusOr<std::optional<MappedDevice>> Find(const VolumeId& volume) = 0;
  // OK when it is not mapped. FAILED_PRECONDITION: in use, and by whom. UNAVAILABLE: the kernel
  // did not finish before the deadline.
  virtual absl::Status Unmap(const VolumeId& volume, absl::Time deadline) = 0;
  // The size the kernel shows after it asked the cluster.
  virtual absl::StatusOr<uint64_t> Refresh(const MappedDevice& device, absl::Time deadline) = 0;
};

struct KrbdOptions {
  std::string sysfs = "/sys";
  std::string dev = "/dev";
  absl::Duration timeout = absl::Seconds(60);  // for one map or unmap
};
std::unique_ptr<DeviceMapper> MakeKrbd(KrbdOptions options);

}  // namespace rbdcsi
