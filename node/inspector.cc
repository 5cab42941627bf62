#include "node/inspector.h"

#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "csi/status.h"
#include "node/filesystem.h"
#include "node/mounts.h"
#include "node/node_errors.h"

namespace rbdcsi {

struct Inspector::Found {
  MappedDevice device;
  UniqueFd fd;                      // what is at the path
  std::optional<MountEntry> mount;  // nullopt: a block volume
};

namespace {

constexpr absl::Duration kPause = absl::Milliseconds(200);
// The watch tells the kernel within milliseconds; past this the image is not as large as promised.
constexpr absl::Duration kResizeTime = absl::Seconds(30);

absl::Status NotThere(const VolumeAt& at, const std::string& cause) {
  return absl::NotFoundError(
      absl::StrCat("volume ", at.volume.Spec(), " at ", at.path, ": ", cause));
}

}  // namespace

absl::StatusOr<Inspector::Found> Inspector::FindAt(const VolumeAt& at) {
  ASSIGN_OR_RETURN(std::optional<MappedDevice> device, mapper_.Find(at.volume));
  if (!device.has_value()) {
    return NotThere(at, "it is not mapped on this node");
  }
  absl::StatusOr<UniqueFd> fd = paths_.OpenAny(at.path);
  // A path that cannot be one of ours holds no volume of ours.
  if (absl::IsNotFound(fd.status()) || absl::IsInvalidArgument(fd.status())) {
    return NotThere(at, std::string(fd.status().message()));
  }
  RETURN_IF_ERROR(fd.status());
  Found found{.device = *std::move(device), .fd = *std::move(fd), .mount = {}};
  ASSIGN_OR_RETURN(const Inode inode, Look(found.fd.get()));
  if (inode.block_device && inode.number == found.device.number) {
    return found;
  }
  ASSIGN_OR_RETURN(found.mount, MountAt(found.fd.get()));
  if (found.mount.has_value() && found.mount->device == found.device.number) {
    return found;
  }
  // A staged block volume is an empty directory without anything that names it.
  found.mount.reset();
  ASSIGN_OR_RETURN(const MountTable table, ReadMountTable());
  if (!inode.mount_root && MountsOf(table, found.device.number).empty() && inode.directory) {
    return found;
  }
  return NotThere(at, "something else is at that path, or nothing");
}

// The mount of a device, or the bind of its node, outlives the device when that is unmapped by
// force.
bool Inspector::IsGoneAt(const std::string& path) const {
  const absl::StatusOr<UniqueFd> fd = paths_.OpenAny(path);
  const absl::StatusOr<Inode> inode = fd.ok() ? Look(fd->get()) : fd.status();
  const absl::StatusOr<std::optional<MountEntry>> mount =
      inode.ok() ? MountAt(fd->get()) : inode.status();
  if (!mount.ok() || !mount->has_value()) {
    return false;
  }
  return inode->block_device ? absl::StartsWith((*mount)->root, "/rbd") && !KernelHas(inode->number)
                             : IsOrphan(**mount);
}

absl::StatusOr<Condition> Inspector::ConditionOf(const VolumeAt& at, const Found& found) {
  VolumeFacts facts{.device = found.device, .read = {}, .filesystem = {}};
  facts.read = reads_.Read(at.volume.ToString(), found.device);
  if (found.mount.has_value()) {
    ASSIGN_OR_RETURN(const MountTable table, ReadMountTable());
    facts.filesystem = LookAtFilesystem(found.fd.get(), found.device, table);
  }
  return Judge(facts);
}

absl::StatusOr<VolumeUsage> Inspector::Usage(const VolumeAt& at) {
  VolumeUsage usage;
  const absl::StatusOr<Found> there = FindAt(at);
  if (absl::IsNotFound(there.status()) && IsGoneAt(at.path)) {
    usage.counted = false;
    usage.condition = DeviceGone(at.path);
    return usage;
  }
  RETURN_IF_ERROR(there.status());
  const Found& found = *there;
  ASSIGN_OR_RETURN(usage.condition, ConditionOf(at, found));
  if (!found.mount.has_value()) {
    usage.block = true;
    usage.bytes.total = found.device.size_bytes;
    return usage;
  }
  struct statfs data {};
  if (fstatfs(found.fd.get(), &data) != 0) {
    usage.counted = false;
    return errno == EIO ? absl::StatusOr<VolumeUsage>(usage)
                        : StatusFor(kReadDeviceErrors, errno, at.path);
  }
  const auto block = static_cast<uint64_t>(data.f_frsize);
  usage.bytes = {.total = data.f_blocks * block,
                 .used = (data.f_blocks - data.f_bfree) * block,
                 .available = data.f_bavail * block};
  usage.inodes = {
      .total = data.f_files, .used = data.f_files - data.f_ffree, .available = data.f_ffree};
  return usage;
}

absl::StatusOr<uint64_t> Inspector::Expand(const ExpandRequest& request, absl::Time deadline) {
  ASSIGN_OR_RETURN(const Found found, FindAt(request.at));
  uint64_t size = found.device.size_bytes;
  const absl::Time end = std::min(deadline - absl::Seconds(1), absl::Now() + kResizeTime);
  while (true) {
    ASSIGN_OR_RETURN(size, mapper_.Refresh(found.device, deadline));
    if (size >= request.required_bytes) {
      break;
    }
    if (absl::Now() > end) {
      return absl::UnavailableError(absl::StrCat(
          "expand ", request.at.volume.Spec(), ": the kernel shows ", size, " bytes, not ",
          request.required_bytes, " (was the image resized? the call can be repeated)"));
    }
    absl::SleepFor(kPause);
  }
  if (found.mount.has_value() && !found.device.read_only) {
    RETURN_IF_ERROR(GrowFilesystem({.root_fd = found.fd.get(),
                                    .type = found.mount->fs_type,
                                    .device = found.device.path,
                                    .where = request.at.path},
                                   size));
  }
  return size;
}

}  // namespace rbdcsi
