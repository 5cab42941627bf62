// The kernel's rbd driver through sysfs. No udev, no `rbd` program: add, look, remove.
//
// Two maps of one volume must never exist, not even when this process is killed while the kernel is
// still adding one: a byte range of krbd's own `add` file is locked (F_OFD_SETLK, the offset is a
// hash of the volume) and the child that writes holds the same open file, so the lock lives as long
// as the write does.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "csi/status.h"
#include "csi/step.h"
#include "node/child.h"
#include "node/device_mapper.h"
#include "node/device_probe.h"
#include "node/keyring.h"
#include "node/krbd_line.h"
#include "node/krbd_sysfs.h"
#include "node/node_errors.h"
#include "node/unique_fd.h"

namespace rbdcsi {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(100);
// Closing a file system's device happens a moment after umount(2) returns.
constexpr absl::Duration kBusyTime = absl::Seconds(5);
constexpr absl::Duration kNodeTime = absl::Seconds(2);
constexpr absl::Duration kGoneTime = absl::Seconds(1);

// FNV-1a; positive, as a file offset must be.
off_t LockOffset(const VolumeId& volume) {
  uint64_t hash = 14695981039346656037ULL;
  for (const char c : volume.ToString()) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return static_cast<off_t>(hash >> 2);
}

struct SysfsWrite {
  std::string path;
  std::string text;
  int locked_fd = -1;  // kept open while the child lives
  std::shared_ptr<const KeyringEntry> key = {};
};

// 0 or the errno of the write.
absl::StatusOr<int> WriteInChild(const SysfsWrite& request, absl::Time deadline) {
  return RunBounded({.deadline = deadline, .keep_fd = request.locked_fd}, [request] {
    if (request.key != nullptr) {
      if (const int error = AddToThreadKeyring(*request.key); error != 0) {
        return error;
      }
    }
    const int fd = open(request.path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, request.text.data(), request.text.size()) < 0) {
      return errno;
    }
    return 0;
  });
}

class Krbd final : public DeviceMapper {
 public:
  explicit Krbd(KrbdOptions options) : options_(std::move(options)) {}

  absl::StatusOr<MapResult> Map(const MapRequest& request, absl::Time deadline) override;
  absl::StatusOr<std::optional<MappedDevice>> Find(const VolumeId& volume) override;
  absl::Status Unmap(const VolumeId& volume, absl::Time deadline) override;
  absl::StatusOr<uint64_t> Refresh(const MappedDevice& device, absl::Time deadline) override;

 private:
  // "/sys/bus/rbd/add_single_major", or the plain file of a kernel without it.
  std::string BusFile(const std::string& name) const;
  absl::StatusOr<UniqueFd> Lock(const VolumeId& volume) const;
  absl::Status Add(const MapRequest& request, const KrbdLine& line, const UniqueFd& lock) const;
  absl::Status Remove(const MappedDevice& device, const UniqueFd& lock, absl::Time deadline) const;
  absl::Status Idle(const MappedDevice& device) const;
  absl::Status WaitForNode(const MappedDevice& device) const;
  absl::Time Bound(absl::Time deadline) const {
    return std::min(deadline, absl::Now() + options_.timeout);
  }

  const KrbdOptions options_;
};

std::string Krbd::BusFile(const std::string& name) const {
  const std::string single_major = absl::StrCat(options_.sysfs, "/bus/rbd/", name, "_single_major");
  return access(single_major.c_str(), F_OK) == 0 ? single_major
                                                 : absl::StrCat(options_.sysfs, "/bus/rbd/", name);
}

absl::StatusOr<UniqueFd> Krbd::Lock(const VolumeId& volume) const {
  UniqueFd fd(open(BusFile("add").c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoStatus(absl::StatusCode::kFailedPrecondition, errno,
                       absl::StrCat("open ", BusFile("add"),
                                    " (is the kernel module rbd loaded, the plugin privileged and "
                                    "in the host's network namespace?)"));
  }
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = LockOffset(volume);
  lock.l_len = 1;
  if (fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
    return absl::AbortedError(
        absl::StrCat("map or unmap ", volume.Spec(),
                     ": another process is still at it, or one that was killed has not left the "
                     "kernel yet"));
  }
  return fd;
}

absl::StatusOr<std::optional<MappedDevice>> Krbd::Find(const VolumeId& volume) {
  ASSIGN_OR_RETURN(const std::optional<KrbdDevice> found, FindKrbdDevice(options_, volume));
  if (!found.has_value()) {
    return std::nullopt;
  }
  return found->device;
}

// No file system, no bind of the node and nothing stacked on it; otherwise, who.
absl::Status Krbd::Idle(const MappedDevice& device) const {
  ASSIGN_OR_RETURN(const MountTable table, ReadMountTable());
  std::vector<std::string> users = HoldersOf(options_, device.name);
  for (const MountEntry* entry : MountsOf(table, device.number)) {
    users.push_back(entry->target);
  }
  for (const MountEntry* entry : NodeBindsOf(table, device.name)) {
    users.push_back(entry->target);
  }
  if (users.empty()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat("unmap device ", device.path,
                                                    ": still used by ", absl::StrJoin(users, ", "),
                                                    " (unmount that first)"));
}

absl::Status Krbd::Add(const MapRequest& request, const KrbdLine& line,
                       const UniqueFd& lock) const {
  const auto key = std::make_shared<KeyringEntry>();
  key->description = KeyDescription(request.volume.cluster, request.credentials.user);
  ASSIGN_OR_RETURN(key->payload, DecodeCephKey(request.credentials.key));
  // The kernel's own timeouts come first; the child's is for what they do not cover.
  const absl::Time deadline = absl::Now() + options_.timeout + absl::Seconds(5);
  SysfsWrite add{.path = BusFile("add"), .text = line.text, .locked_fd = lock.get(), .key = key};
  absl::StatusOr<int> result;
  {
    const Step step("map device");
    result = WriteInChild(add, deadline);
    if (result.ok() && *result == EINVAL && line.lock_on_read) {
      // An image without exclusive-lock has no lock to take.
      add.text = WithoutLockOnRead(line);
      result = WriteInChild(add, deadline);
    }
  }
  Wipe(key->payload);
  const std::string object = absl::StrCat(request.volume.Spec(), " through ", request.monitors,
                                          " as ", request.credentials.user);
  if (!result.ok()) {
    return absl::UnavailableError(absl::StrCat("map image ", object, ": no answer within ",
                                               absl::FormatDuration(options_.timeout),
                                               " (is the cluster healthy and reachable?)"));
  }
  return *result == 0 ? absl::OkStatus() : StatusFor(kMapErrors, *result, object);
}

absl::Status Krbd::WaitForNode(const MappedDevice& device) const {
  const absl::Time end = absl::Now() + kNodeTime;
  while (access(device.path.c_str(), F_OK) != 0) {
    if (absl::Now() > end) {
      return StatusFor(kOpenDeviceErrors, ENOENT, device.path);
    }
    absl::SleepFor(absl::Milliseconds(5));
  }
  return absl::OkStatus();
}

absl::StatusOr<MapResult> Krbd::Map(const MapRequest& request, absl::Time deadline) {
  ASSIGN_OR_RETURN(const KrbdLine line, MakeKrbdLine(request, options_.timeout));
  ASSIGN_OR_RETURN(const UniqueFd lock, Lock(request.volume));
  ASSIGN_OR_RETURN(std::optional<KrbdDevice> found, FindKrbdDevice(options_, request.volume));
  if (found.has_value()) {
    if (found->device.read_only == request.read_only &&
        SameOptions(found->config_info, line.text)) {
      RETURN_IF_ERROR(WaitForNode(found->device));
      return MapResult{.device = found->device, .reused = true};
    }
    if (absl::Status idle = Idle(found->device); !idle.ok()) {
      return Annotate(idle, absl::StrCat("map image ", request.volume.Spec(),
                                         ": already mapped with other options"));
    }
    RETURN_IF_ERROR(Remove(found->device, lock, Bound(deadline)));
  }
  absl::Status added = Add(request, line, lock);
  // A chain of clones that is flattened while krbd reads it leads to a parent that has just been
  // removed, and while several are, more than once. An image that is gone stays so.
  for (absl::Duration pause = kPause; absl::IsNotFound(added) && pause < kGoneTime; pause *= 2) {
    absl::SleepFor(pause);
    added = Add(request, line, lock);
  }
  RETURN_IF_ERROR(added);
  ASSIGN_OR_RETURN(found, FindKrbdDevice(options_, request.volume));
  if (!found.has_value()) {
    return absl::UnavailableError(absl::StrCat("map image ", request.volume.Spec(),
                                               ": the device went away again (see dmesg)"));
  }
  RETURN_IF_ERROR(WaitForNode(found->device));
  return MapResult{.device = found->device, .reused = false};
}

absl::Status Krbd::Remove(const MappedDevice& device, const UniqueFd& lock,
                          absl::Time deadline) const {
  const absl::Time patience = std::min(deadline, absl::Now() + kBusyTime);
  SysfsWrite remove{.path = BusFile("remove"), .text = device.id, .locked_fd = lock.get()};
  while (true) {
    absl::StatusOr<int> result;
    {
      const Step step("unmap device");
      result = WriteInChild(remove, deadline);
    }
    if (!result.ok()) {
      return absl::UnavailableError(
          absl::StrCat("unmap device ", device.path,
                       ": the kernel did not finish in time (is the cluster reachable?)"));
    }
    if (*result == 0 || *result == ENOENT) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(Idle(device));
    if (absl::Now() > patience) {
      // Force fails the I/O of whoever has it open: only where all I/O fails anyway.
      if (remove.text != device.id || !IsDead(device.path)) {
        return StatusFor(kUnmapErrors, *result, device.path);
      }
      remove.text = absl::StrCat(device.id, " force");
    }
    absl::SleepFor(kPause);
  }
}

absl::Status Krbd::Unmap(const VolumeId& volume, absl::Time deadline) {
  ASSIGN_OR_RETURN(std::optional<KrbdDevice> found, FindKrbdDevice(options_, volume));
  if (!found.has_value()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const UniqueFd lock, Lock(volume));
  ASSIGN_OR_RETURN(found, FindKrbdDevice(options_, volume));
  if (!found.has_value()) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(Idle(found->device));
  return Remove(found->device, lock, Bound(deadline));
}

absl::StatusOr<uint64_t> Krbd::Refresh(const MappedDevice& device, absl::Time deadline) {
  const std::string base = absl::StrCat(options_.sysfs, "/bus/rbd/devices/", device.id, "/");
  const SysfsWrite refresh{.path = base + "refresh", .text = "1"};
  ASSIGN_OR_RETURN(const int error, WriteInChild(refresh, Bound(deadline)));
  uint64_t size = 0;
  if (error != 0 || !absl::SimpleAtoi(ReadLine(base + "size").value_or(""), &size)) {
    return ErrnoStatus(absl::StatusCode::kUnavailable, error != 0 ? error : ENODEV,
                       absl::StrCat("refresh device ", device.path));
  }
  return size;
}

}  // namespace

std::unique_ptr<DeviceMapper> MakeKrbd(KrbdOptions options) {
  return std::make_unique<Krbd>(std::move(options));
}

}  // namespace rbdcsi
