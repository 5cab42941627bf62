// This process's view of what is mounted: /proc/self/mountinfo (proc(5)), parsed. No mount is ever
// remembered; every call reads the table anew. Pure but for ReadMountTable(); any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rbdcsi {

struct DeviceNumber {
  uint32_t major = 0;
  uint32_t minor = 0;
  friend bool operator==(const DeviceNumber&, const DeviceNumber&) = default;
};

struct MountEntry {
  uint64_t id = 0;
  DeviceNumber device;
  std::string
      root;  // the part of the file system that is mounted: "/", or "/rbd0" for a device node
  std::string target;
  std::string options;  // of the mount: "rw,nosuid,nodev"
  std::string fs_type;
  std::string source;
  std::string super_options;  // of the file system

  bool ReadOnly() const;        // the mount or its file system
  bool TurnedReadOnly() const;  // the file system only: the kernel did that, after an error
  bool ShutDown() const;        // newer kernels say so here
};

using MountTable = std::vector<MountEntry>;

// Lines that cannot be parsed are left out: the kernel may add forms that we do not need.
MountTable ParseMountTable(absl::string_view text);
absl::StatusOr<MountTable> ReadMountTable();

// Mounts of the file system on this device: the staging mount and the binds of it.
std::vector<const MountEntry*> MountsOf(const MountTable& table, DeviceNumber device);
// Binds of the device node `name` ("rbd0") out of /dev, which is a devtmpfs or a tmpfs.
std::vector<const MountEntry*> NodeBindsOf(const MountTable& table, absl::string_view name);

// The text with \040 and the like put back.
std::string Unescape(absl::string_view text);

}  // namespace rbdcsi
