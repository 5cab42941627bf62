// What krbd shows in /sys/bus/rbd/devices (Documentation/ABI/testing/sysfs-bus-rbd), read-only.
// The root of sysfs is an argument, so that a test can bring its own tree. Any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "csi/volume_id.h"
#include "node/device_mapper.h"

namespace rbdcsi {

struct KrbdDevice {
  MappedDevice device;
  std::string config_info;  // the line it was mapped with
};

// The device of this volume that this driver mapped; admins' own maps of the image are not it.
// Nullopt also when the rbd module is not loaded.
absl::StatusOr<std::optional<KrbdDevice>> FindKrbdDevice(const KrbdOptions& options,
                                                         const VolumeId& volume);

// A file of one line, without its end; nullopt: not there.
std::optional<std::string> ReadLine(const std::string& path);

// Names of /sys/block/<name>/holders: device-mapper and the like on top of the device.
std::vector<std::string> HoldersOf(const KrbdOptions& options, const std::string& name);

}  // namespace rbdcsi
