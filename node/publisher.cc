#include "node/publisher.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "csi/status.h"
#include "csi/step.h"
#include "node/mounts.h"
#include "node/node_errors.h"

namespace rbdcsi {

struct Publisher::Staged {
  MappedDevice device;
  UniqueFd directory;               // the staging path
  std::optional<MountEntry> mount;  // what is mounted there: the file system of a mount volume
};

namespace {

absl::Status Refuse(const PublishRequest& request, const std::string& cause) {
  return absl::FailedPreconditionError(
      absl::StrCat("publish ", request.volume.Spec(), " at ", request.target_path, ": ", cause));
}

bool IsBlock(const PublishRequest& request) {
  return request.capability.type == AccessType::kBlock;
}

// What is at the target now, seen from this request.
absl::StatusOr<AtTarget> LookAtTarget(const Place& place, const MappedDevice& device,
                                      const PublishRequest& request) {
  const absl::StatusOr<UniqueFd> fd = OpenAt(place);
  if (absl::IsNotFound(fd.status())) {
    return AtTarget::kNothing;
  }
  RETURN_IF_ERROR(fd.status());
  ASSIGN_OR_RETURN(const Inode inode, Look(fd->get()));
  ASSIGN_OR_RETURN(const std::optional<MountEntry> mount, MountAt(fd->get()));
  if (!mount.has_value()) {
    return AtTarget::kNothing;  // a directory or a file that a killed call made
  }
  if (inode.block_device && inode.number == device.number) {
    return IsBlock(request) ? AtTarget::kSame : AtTarget::kDifferent;
  }
  if (mount->device != device.number) {
    return AtTarget::kForeign;
  }
  const bool want_read_only =
      request.read_only || IsReadOnly(request.capability.mode) || device.read_only;
  return !IsBlock(request) && mount->ReadOnly() == want_read_only ? AtTarget::kSame
                                                                  : AtTarget::kDifferent;
}

// Other places of this volume on this node, but where it is staged and the target itself.
absl::StatusOr<bool> PublishedElsewhere(const MappedDevice& device,
                                        const std::optional<MountEntry>& staged) {
  ASSIGN_OR_RETURN(const MountTable table, ReadMountTable());
  if (!NodeBindsOf(table, device.name).empty()) {
    return true;
  }
  const std::vector<const MountEntry*> mounts = MountsOf(table, device.number);
  return std::any_of(mounts.begin(), mounts.end(), [&](const MountEntry* entry) {
    return !staged.has_value() || entry->id != staged->id;
  });
}

// The directory or file to mount on. Made by this call, or left by one that was killed.
absl::Status MakeTarget(const Place& place, bool block) {
  const Step step("make target");
  if (!block) {
    if (mkdirat(place.parent.get(), place.name.c_str(), 0750) != 0 && errno != EEXIST) {
      return StatusFor(kPublishErrors, errno, place.path);
    }
    return absl::OkStatus();
  }
  const UniqueFd parent(
      open(DescriptorPath(place.parent.get()).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd file(openat(parent.get(), place.name.c_str(),
                             O_CREAT | O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640));
  return file.valid() ? absl::OkStatus() : StatusFor(kPublishErrors, errno, place.path);
}

// One empty directory, or one empty file.
absl::Status RemoveTarget(const Place& place) {
  struct stat status {};
  if (fstatat(place.parent.get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? absl::OkStatus() : StatusFor(kRemoveTargetErrors, errno, place.path);
  }
  const bool directory = S_ISDIR(status.st_mode);
  if (!directory && (!S_ISREG(status.st_mode) || status.st_size != 0)) {
    return absl::FailedPreconditionError(
        absl::StrCat("remove target ", place.path,
                     ": it is not an empty file or directory (not ours to delete)"));
  }
  const Step step("remove target");
  if (unlinkat(place.parent.get(), place.name.c_str(), directory ? AT_REMOVEDIR : 0) != 0 &&
      errno != ENOENT) {
    return StatusFor(kRemoveTargetErrors, errno, place.path);
  }
  return absl::OkStatus();
}

absl::Status Mount(const Place& place, const PublishRequest& request, const Bind& what) {
  RETURN_IF_ERROR(MakeTarget(place, IsBlock(request)));
  absl::StatusOr<UniqueFd> target = OpenAt(place);
  absl::Status status = target.status();
  if (target.ok()) {
    Bind bind = what;
    bind.target_fd = target->get();
    status = BindAt(bind);
  }
  if (!status.ok()) {
    RemoveTarget(place).IgnoreError();  // the mount's own error is the one to tell
  }
  return status;
}

absl::Status Answer(PublishDecision decision, const PublishRequest& request) {
  switch (decision) {
    case PublishDecision::kAlreadyExists:
      return absl::AlreadyExistsError(
          absl::StrCat("publish ", request.volume.Spec(), " at ", request.target_path,
                       ": published there with another access type or readonly (unpublish it "
                       "first)"));
    case PublishDecision::kOneTargetOnly:
      return Refuse(request, absl::StrCat("published at another target of this node, and ",
                                          ToString(request.capability.mode), " allows one only"));
    case PublishDecision::kTargetOccupied:
      return Refuse(request, "something else is mounted there (unmount it first)");
    case PublishDecision::kPublish:
    case PublishDecision::kDone:
      break;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Publisher::Staged> Publisher::FindStaged(const PublishRequest& request) {
  ASSIGN_OR_RETURN(std::optional<MappedDevice> device, mapper_.Find(request.volume));
  Staged staged;
  absl::StatusOr<UniqueFd> directory = paths_.OpenDirectory(request.staging_path);
  if (absl::IsNotFound(directory.status()) || (directory.ok() && !device.has_value())) {
    return Refuse(request, "the volume is not staged on this node (stage it first)");
  }
  RETURN_IF_ERROR(directory.status());
  staged.directory = *std::move(directory);
  staged.device = *std::move(device);
  ASSIGN_OR_RETURN(staged.mount, MountAt(staged.directory.get()));
  const bool ours = staged.mount.has_value() && staged.mount->device == staged.device.number;
  if (!IsBlock(request) && !ours) {
    return Refuse(request, absl::StrCat("the volume is not staged at ", request.staging_path,
                                        " (stage it first)"));
  }
  if (IsBlock(request) && ours) {
    return Refuse(request, "the volume is staged as a file system, not as a block device");
  }
  return staged;
}

absl::Status Publisher::Publish(const PublishRequest& request, absl::Time deadline) {
  ASSIGN_OR_RETURN(const Staged staged, FindStaged(request));
  const bool read_only = request.read_only || IsReadOnly(request.capability.mode);
  if (IsBlock(request) && read_only && !staged.device.read_only) {
    return Refuse(request,
                  "a block volume attached for writing cannot be read-only here (attach it "
                  "read-only: ReadOnlyMany, or readOnly in the PersistentVolume)");
  }
  absl::StatusOr<Place> place = paths_.OpenParent(request.target_path);
  if (absl::IsNotFound(place.status())) {
    return Refuse(request, "the directory that holds the target is missing (the caller makes it)");
  }
  RETURN_IF_ERROR(place.status());
  PublishSituation situation{.mode = request.capability.mode};
  ASSIGN_OR_RETURN(situation.at_target, LookAtTarget(*place, staged.device, request));
  ASSIGN_OR_RETURN(situation.elsewhere, PublishedElsewhere(staged.device, staged.mount));
  const PublishDecision decision = DecidePublish(situation);
  if (decision != PublishDecision::kPublish && decision != PublishDecision::kDone) {
    return Answer(decision, request);
  }
  RETURN_IF_ERROR(limiter_.Apply({.object = request.volume.Spec(),
                                  .target_path = request.target_path,
                                  .device = staged.device.number,
                                  .limits = request.limits},
                                 deadline));
  if (decision == PublishDecision::kDone) {
    return absl::OkStatus();
  }
  return Mount(
      *place, request,
      {.source = IsBlock(request) ? staged.device.path : DescriptorPath(staged.directory.get()),
       .read_only = !IsBlock(request) && read_only,
       .target = request.target_path});
}

absl::Status Publisher::Unpublish(const UnpublishRequest& request, absl::Time deadline) {
  absl::StatusOr<Place> place = paths_.OpenParent(request.target_path);
  if (absl::IsNotFound(place.status())) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(place.status());
  std::optional<MountEntry> mounted;
  {
    absl::StatusOr<UniqueFd> fd = OpenAt(*place);
    if (absl::IsNotFound(fd.status())) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(fd.status());
    ASSIGN_OR_RETURN(mounted, MountAt(fd->get()));
  }
  if (mounted.has_value()) {
    std::optional<MappedDevice> device;
    if (request.volume.has_value()) {
      ASSIGN_OR_RETURN(device, mapper_.Find(*request.volume));
    }
    // A device that is gone cannot be compared any more; its mount still says what it was.
    const bool ours = device.has_value() ? mounted->device == device->number ||
                                               mounted->root == absl::StrCat("/", device->name)
                                         : absl::StartsWith(mounted->source, "/dev/rbd") ||
                                               absl::StartsWith(mounted->root, "/rbd");
    if (!ours) {
      return absl::FailedPreconditionError(
          absl::StrCat("unpublish ", place->path, ": ", mounted->source, " (", mounted->fs_type,
                       ") is not this volume (unmount it by hand)"));
    }
    RETURN_IF_ERROR(UnmountAll(*place, deadline));
  }
  return RemoveTarget(*place);
}

}  // namespace rbdcsi
