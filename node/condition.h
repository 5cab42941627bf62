// What this node can tell of a volume's health without asking Ceph: facts, and the sentence made of
// them.
//
// A sign of trouble makes it abnormal. Without one the message lists what was looked at, and what
// could not be: "not abnormal" is never more than that. Judge() is pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "node/device_mapper.h"
#include "node/read_probe.h"

namespace rbdcsi {

struct Condition {
  bool abnormal = false;
  std::string message;
};

struct FilesystemFacts {
  std::string type;                // "ext4", "xfs"
  bool shut_down = false;          // it answers nothing but EIO
  bool turned_read_only = false;   // its mounts are for writing, itself is not any more
  std::optional<uint64_t> errors;  // counted by ext4 since the last e2fsck; xfs counts none
};

struct VolumeFacts {
  MappedDevice device;
  ReadAnswer read;
  std::optional<FilesystemFacts> filesystem;  // nullopt: a block volume
};

Condition Judge(const VolumeFacts& facts);

// A path that still leads to a device which the kernel has no more.
Condition DeviceGone(const std::string& path);

// `root_fd`: the root of the mounted file system; O_PATH is enough. Never waits for the device.
FilesystemFacts LookAtFilesystem(int root_fd, const MappedDevice& device, const MountTable& table);

}  // namespace rbdcsi
