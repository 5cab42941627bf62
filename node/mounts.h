// The acts on mounts: mount a device, bind, unmount. All work through open descriptors, so that a
// path swapped in between leads nowhere else.
//
// mount(2) and umount(2) do I/O and wait for Ceph: they run in a Child and end at the deadline;
// what the kernel still does then (an unmount that flushes) stays unbounded there, and the next
// call sees in mountinfo and sysfs how it ended. Any thread.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "node/mount_options.h"
#include "node/mount_table.h"
#include "node/path.h"

namespace rbdcsi {

// What an O_PATH descriptor stands for.
struct Inode {
  uint64_t mount_id = 0;
  bool mount_root = false;  // something is mounted exactly here
  bool directory = false;
  bool block_device = false;
  DeviceNumber number;  // of the block device
};
absl::StatusOr<Inode> Look(int fd);

// The mount whose root the descriptor is; nullopt: nothing is mounted there.
absl::StatusOr<std::optional<MountEntry>> MountAt(int fd);

// False: no block device has this number any more.
bool KernelHas(DeviceNumber device);
// A file system whose rbd device was unmapped by force: all that is left of it is the mount.
bool IsOrphan(const MountEntry& mount);

struct DeviceMount {
  std::string device;
  std::string fs_type;
  MountOptions options;
  int target_fd = -1;  // a directory
  std::string target;  // for messages
};
absl::Status MountDevice(const DeviceMount& mount, absl::Time deadline);

struct Bind {
  std::string source;  // DescriptorPath() of a directory, or a device node
  int target_fd = -1;
  bool read_only = false;
  std::string target;  // for messages
};
// The new mount appears at the target complete, read-only from its first moment.
absl::Status BindAt(const Bind& bind);

// Unmounts until nothing is mounted at the place: a call that was repeated after a crash may have
// mounted twice. Never lazily: data that cannot be written stays visible.
absl::Status UnmountAll(const Place& place, absl::Time deadline);

// An O_PATH descriptor of what is at the place (never through a symlink); NOT_FOUND: nothing.
absl::StatusOr<UniqueFd> OpenAt(const Place& place);

}  // namespace rbdcsi
