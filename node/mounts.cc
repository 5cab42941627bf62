#include "node/mounts.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "csi/status.h"
#include "csi/step.h"
#include "node/child.h"
#include "node/node_errors.h"

namespace rbdcsi {
namespace {

// More than one is already odd (a publish repeated after a crash); an end is needed all the same.
constexpr int kMaxStacked = 16;

absl::Status Result(const ErrnoTable& table, const absl::StatusOr<int>& result,
                    const std::string& object) {
  if (!result.ok()) {
    return absl::UnavailableError(absl::StrCat(table.operation, " ", object, ": ",
                                               result.status().message(),
                                               " (is the Ceph cluster reachable?)"));
  }
  return *result == 0 ? absl::OkStatus() : StatusFor(table, *result, object);
}

std::optional<MountEntry> FindMount(const MountTable& table, uint64_t id) {
  const auto entry = std::find_if(table.begin(), table.end(),
                                  [&](const MountEntry& candidate) { return candidate.id == id; });
  return entry == table.end() ? std::nullopt : std::optional<MountEntry>(*entry);
}

// An xfs that was shut down (its device fenced) answers statx(2) with EIO, also for its root; what
// procfs says about the descriptor comes from memory.
absl::StatusOr<Inode> LookAtDead(int fd) {
  std::ifstream info(absl::StrCat("/proc/self/fdinfo/", fd));
  Inode inode;
  for (std::string key; info >> key;) {
    if (key == "mnt_id:") {
      info >> inode.mount_id;
    }
  }
  std::array<char, PATH_MAX> path{};
  const ssize_t size = readlink(DescriptorPath(fd).c_str(), path.data(), path.size());
  ASSIGN_OR_RETURN(const MountTable table, ReadMountTable());
  const std::optional<MountEntry> mount = FindMount(table, inode.mount_id);
  if (size <= 0 || !mount.has_value() ||
      mount->target != std::string(path.data(), static_cast<size_t>(size))) {
    return StatusFor(kOpenPathErrors, EIO, DescriptorPath(fd));
  }
  inode.mount_root = true;
  inode.directory = true;
  return inode;
}

}  // namespace

absl::StatusOr<Inode> Look(int fd) {
  struct statx data {};
  if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MNT_ID, &data) != 0) {
    return errno == EIO ? LookAtDead(fd) : StatusFor(kOpenPathErrors, errno, DescriptorPath(fd));
  }
  Inode inode;
  inode.mount_id = data.stx_mnt_id;
  inode.mount_root = (data.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  inode.directory = S_ISDIR(data.stx_mode);
  inode.block_device = S_ISBLK(data.stx_mode);
  inode.number = {data.stx_rdev_major, data.stx_rdev_minor};
  return inode;
}

absl::StatusOr<std::optional<MountEntry>> MountAt(int fd) {
  ASSIGN_OR_RETURN(const Inode inode, Look(fd));
  if (!inode.mount_root) {
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(const MountTable table, ReadMountTable());
  return FindMount(table, inode.mount_id);
}

bool KernelHas(DeviceNumber device) {
  return access(absl::StrCat("/sys/dev/block/", device.major, ":", device.minor).c_str(), F_OK) ==
         0;
}

bool IsOrphan(const MountEntry& mount) {
  return absl::StartsWith(mount.source, "/dev/rbd") && !KernelHas(mount.device);
}

absl::Status MountDevice(const DeviceMount& mount, absl::Time deadline) {
  const std::string target = DescriptorPath(mount.target_fd);
  const std::string object = absl::StrCat(mount.device, " (", mount.fs_type, ") at ", mount.target);
  const Step step("mount file system");
  return Result(kMountErrors,
                RunBounded({.deadline = deadline, .keep_fd = mount.target_fd},
                           [mount, target] {
                             return ::mount(mount.device.c_str(), target.c_str(),
                                            mount.fs_type.c_str(), mount.options.flags,
                                            mount.options.data.c_str()) == 0
                                        ? 0
                                        : errno;
                           }),
                object);
}

absl::Status BindAt(const Bind& bind) {
  const UniqueFd tree(static_cast<int>(
      syscall(SYS_open_tree, AT_FDCWD, bind.source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree.valid()) {
    return StatusFor(kPublishErrors, errno, absl::StrCat(bind.target, ": copy ", bind.source));
  }
  if (bind.read_only) {
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY;
    if (syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attributes,
                sizeof(attributes)) != 0) {
      return StatusFor(kPublishErrors, errno, absl::StrCat(bind.target, ": make read-only"));
    }
  }
  const Step step("bind to target");
  if (syscall(SYS_move_mount, tree.get(), "", bind.target_fd, "",
              MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    return StatusFor(kPublishErrors, errno, bind.target);
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> OpenAt(const Place& place) {
  open_how how{};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(static_cast<int>(
      syscall(SYS_openat2, place.parent.get(), place.name.c_str(), &how, sizeof(how))));
  if (!fd.valid()) {
    return StatusFor(kOpenPathErrors, errno, place.path);
  }
  // O_PATH | O_NOFOLLOW opens a symlink itself, where RESOLVE_NO_SYMLINKS lets the last one pass.
  struct statx data {};
  if (statx(fd.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &data) == 0 &&
      S_ISLNK(data.stx_mode)) {
    return StatusFor(kOpenPathErrors, ELOOP, place.path);
  }
  return fd;
}

absl::Status UnmountAll(const Place& place, absl::Time deadline) {
  const std::string path = absl::StrCat(DescriptorPath(place.parent.get()), "/", place.name);
  for (int i = 0; i < kMaxStacked; ++i) {
    {
      // Closed again before the unmount: an open descriptor would keep the mount busy.
      ASSIGN_OR_RETURN(const UniqueFd fd, OpenAt(place));
      ASSIGN_OR_RETURN(const Inode inode, Look(fd.get()));
      if (!inode.mount_root) {
        return absl::OkStatus();
      }
    }
    const Step step("unmount");
    RETURN_IF_ERROR(Result(
        kUnmountErrors,
        RunBounded({.deadline = deadline, .keep_fd = place.parent.get()},
                   [path] { return umount2(path.c_str(), UMOUNT_NOFOLLOW) == 0 ? 0 : errno; }),
        place.path));
  }
  return absl::FailedPreconditionError(
      absl::StrCat("unmount ", place.path, ": more than ", kMaxStacked,
                   " mounts on top of each other (unmount them by hand)"));
}

}  // namespace rbdcsi
