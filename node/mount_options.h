// The mount options of a capability, checked against a list and translated for mount(2).
//
// An option that is not in the list is refused: options can switch safety off ("dev", "suid",
// "loop" or an unknown file system's own). File systems always mount nosuid and nodev. The spec
// calls mount_flags sensitive: messages name an option's key, never its value. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace rbdcsi {

struct MountOptions {
  unsigned long flags = 0;  // MS_*
  std::string data;         // the file system's own, comma-separated

  friend bool operator==(const MountOptions&, const MountOptions&) = default;
};

struct MountRequest {
  std::string fs_type;                   // "ext4" or "xfs"
  std::vector<std::string> mount_flags;  // one option each, or several with commas
  bool read_only = false;                // the device is read-only too: nothing may be written
};

// INVALID_ARGUMENT: an option that is not allowed for the file system.
absl::StatusOr<MountOptions> TranslateMountOptions(const MountRequest& request);

}  // namespace rbdcsi
