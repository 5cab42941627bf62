// Growing a mounted file system by the ioctls that resize2fs and xfs_growfs would use
// (fs/ext4/ioctl.c, fs/xfs/libxfs/xfs_fs.h; their headers are not part of the kernel's user API, so
// numbers and layouts are repeated here).
#include <fcntl.h>
#include <linux/ioctl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>

#include "csi/status.h"
#include "csi/step.h"
#include "node/filesystem.h"
#include "node/node_errors.h"
#include "node/path.h"
#include "node/superblock.h"
#include "node/unique_fd.h"

namespace rbdcsi {
namespace {

constexpr unsigned long kExt4Resize = _IOW('f', 16, uint64_t);

struct XfsGeometry {  // struct xfs_fsop_geom_v1
  uint32_t block_bytes, rt_extent, ag_blocks, ag_count, log_blocks, sector, inode,
      max_inode_percent;
  uint64_t data_blocks, rt_blocks, rt_extents, log_start;
  std::array<uint8_t, 16> uuid;
  uint32_t stripe_unit, stripe_width;
  int32_t version;
  uint32_t flags, log_sector, rt_sector, dir_block;
};
struct XfsGrow {  // struct xfs_growfs_data
  uint64_t new_blocks;
  uint32_t max_inode_percent;
};
constexpr unsigned long kXfsGeometry = _IOR('X', 100, XfsGeometry);
constexpr unsigned long kXfsGrow = _IOW('X', 110, XfsGrow);

int GrowExt4(int fd, const std::string& device, uint64_t device_bytes) {
  // The kernel changes the superblock in the device's page cache, which is what we read.
  const UniqueFd raw(open(device.c_str(), O_RDONLY | O_CLOEXEC));
  std::string head(kSuperblockBytes, '\0');
  if (!raw.valid() || pread(raw.get(), head.data(), head.size(), 0) < 0) {
    return errno;
  }
  const std::optional<Superblock> superblock = ParseSuperblock(head);
  if (!superblock.has_value() || superblock->type != "ext4") {
    return EINVAL;
  }
  if (!CanGrow(superblock->size_bytes, device_bytes)) {
    return 0;
  }
  const Step step("grow file system");
  uint64_t blocks = device_bytes / superblock->block_bytes;
  return ioctl(fd, kExt4Resize, &blocks) == 0 ? 0 : errno;
}

int GrowXfs(int fd, uint64_t device_bytes) {
  XfsGeometry geometry{};
  if (ioctl(fd, kXfsGeometry, &geometry) != 0) {
    return errno;
  }
  if (!CanGrow(geometry.data_blocks * geometry.block_bytes, device_bytes)) {
    return 0;
  }
  const Step step("grow file system");
  XfsGrow grow{.new_blocks = device_bytes / geometry.block_bytes,
               .max_inode_percent = geometry.max_inode_percent};
  return ioctl(fd, kXfsGrow, &grow) == 0 ? 0 : errno;
}

}  // namespace

absl::Status GrowFilesystem(const MountedFilesystem& mounted, uint64_t device_bytes) {
  // An O_PATH descriptor takes no ioctl.
  const UniqueFd root(open(DescriptorPath(mounted.root_fd).c_str(), O_RDONLY | O_CLOEXEC));
  if (!root.valid()) {
    return StatusFor(kGrowErrors, errno, mounted.where);
  }
  const int error = mounted.type == "xfs" ? GrowXfs(root.get(), device_bytes)
                                          : GrowExt4(root.get(), mounted.device, device_bytes);
  return error == 0 ? absl::OkStatus() : StatusFor(kGrowErrors, error, mounted.where);
}

}  // namespace rbdcsi
