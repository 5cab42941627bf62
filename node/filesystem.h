// What is done to a file system on a device: make, check, grow, count. The decisions are here; what
// is on the device is device_probe.h's business, surviving a killed mkfs format_mark.h's.
//
// Policy: only a proven blank device is formatted; e2fsck runs only when the kernel left its error
// flag (replaying a journal is the kernel's own job), in the mode that repairs what is safe;
// nothing is ever formatted because it is damaged. Growing is done by ioctl on the mounted file
// system, no helper program. Any thread; one call per volume at a time (the RPC lock).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "node/device_mapper.h"
#include "node/superblock.h"

namespace rbdcsi {

struct FilesystemSpec {
  std::string type;               // "ext4", "xfs"
  std::string mkfs_options = {};  // words of the StorageClass, already checked by the controller
  bool read_only = false;         // nothing may be written: a blank device is FAILED_PRECONDITION
};

// Leaves the device with a file system of that type, ready to be mounted, and returns its
// superblock. FAILED_PRECONDITION: something else is there, or damage that e2fsck does not repair.
absl::StatusOr<Superblock> PrepareFilesystem(const MappedDevice& device,
                                             const FilesystemSpec& spec);

// The argv of mkfs. INVALID_ARGUMENT: an option that would change the device or the size.
absl::StatusOr<std::vector<std::string>> MkfsCommand(const MappedDevice& device,
                                                     const FilesystemSpec& spec);

// A mounted file system.
struct MountedFilesystem {
  int root_fd = -1;    // its root; O_PATH is enough
  std::string type;    // "ext4", "xfs"
  std::string device;  // "/dev/rbd0"
  std::string where;   // for messages
};

// Grows it to the device's size; nothing to do when less than 2 MiB would be gained.
absl::Status GrowFilesystem(const MountedFilesystem& mounted, uint64_t device_bytes);

// True when growing would gain something.
bool CanGrow(uint64_t filesystem_bytes, uint64_t device_bytes);

}  // namespace rbdcsi
