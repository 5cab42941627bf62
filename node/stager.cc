#include "node/stager.h"

#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "csi/status.h"
#include "node/device_probe.h"
#include "node/filesystem.h"
#include "node/mounts.h"

namespace rbdcsi {

struct Stager::Plan {
  const StageRequest& request;
  MapRequest map;
  FilesystemSpec filesystem;
  MountOptions mount;
  UniqueFd directory;  // the staging path
};

namespace {

absl::Status AlreadyStaged(const StageRequest& request, const std::string& how) {
  return absl::AlreadyExistsError(absl::StrCat("stage ", request.volume.Spec(), " at ",
                                               request.staging_path, ": already staged ", how,
                                               " (unstage it first)"));
}

std::string FsType(const Capability& capability) {
  return capability.fs_type.empty() ? "ext4" : capability.fs_type;
}

// Names the places, but `except`, where the volume's device is mounted or bound.
absl::Status RefuseWhileUsed(const std::string& operation, const MappedDevice& device,
                             const std::string& except) {
  ASSIGN_OR_RETURN(const MountTable table, ReadMountTable());
  std::vector<std::string> places;
  for (const MountEntry* entry : MountsOf(table, device.number)) {
    places.push_back(entry->target);
  }
  for (const MountEntry* entry : NodeBindsOf(table, device.name)) {
    places.push_back(entry->target);
  }
  std::erase(places, except);
  if (places.empty()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(operation, ": the volume is still mounted at ",
                                                    absl::StrJoin(places, ", "),
                                                    " (unpublish or unstage that first)"));
}

// Of an orphan only the mount tells.
MappedDevice Remains(const MountEntry& mounted) {
  MappedDevice device;
  device.path = mounted.source;
  device.name = mounted.source.substr(mounted.source.rfind('/') + 1);
  device.number = mounted.device;
  return device;
}

// A device that was there before this call may belong to a client that was fenced since.
bool MayBeDead(const absl::Status& status) { return absl::IsUnavailable(status); }

}  // namespace

absl::Status Stager::Stage(const StageRequest& request, absl::Time deadline) {
  const bool read_only = request.context.read_only || IsReadOnly(request.capability.mode);
  Plan plan{.request = request,
            .map = {.volume = request.volume,
                    .monitors = request.context.monitors,
                    .credentials = request.credentials,
                    .options = request.context.map_options,
                    .read_only = read_only},
            .filesystem = {.type = FsType(request.capability),
                           .mkfs_options = request.context.mkfs_options,
                           .read_only = read_only},
            .mount = {},
            .directory = {}};
  if (request.capability.type == AccessType::kMount) {
    ASSIGN_OR_RETURN(plan.mount,
                     TranslateMountOptions({.fs_type = plan.filesystem.type,
                                            .mount_flags = request.capability.mount_flags,
                                            .read_only = read_only}));
  }
  ASSIGN_OR_RETURN(plan.directory, paths_.OpenDirectory(request.staging_path));
  ASSIGN_OR_RETURN(const std::optional<MountEntry> mounted, MountAt(plan.directory.get()));
  return mounted.has_value() ? Confirm(plan, *mounted, deadline) : StageDevice(plan, deadline);
}

// Something is mounted at the staging path: fine if it is what was asked for.
absl::Status Stager::Confirm(Plan& plan, const MountEntry& mounted, absl::Time deadline) {
  const StageRequest& request = plan.request;
  ASSIGN_OR_RETURN(const std::optional<MappedDevice> device, mapper_.Find(request.volume));
  if (!device.has_value() || device->number != mounted.device) {
    return absl::FailedPreconditionError(
        absl::StrCat("stage ", request.volume.Spec(), ": ", mounted.source, " (", mounted.fs_type,
                     ") is mounted at ", request.staging_path, " (unmount it first)"));
  }
  if (request.capability.type == AccessType::kBlock) {
    return AlreadyStaged(request, "as a file system");
  }
  if (mounted.fs_type != plan.filesystem.type) {
    return AlreadyStaged(request, absl::StrCat("as ", mounted.fs_type));
  }
  if (device->exclusive) {  // killed in Replay()
    return Replace(plan, mounted, *device, deadline);
  }
  if (device->read_only != plan.map.read_only) {
    return AlreadyStaged(request, device->read_only ? "read-only" : "for writing");
  }
  if (IsDead(device->path)) {
    return Replace(plan, mounted, *device, deadline);
  }
  if (device->read_only) {
    return absl::OkStatus();
  }
  // A call that was killed between mount and grow is completed by this one.
  return GrowFilesystem({.root_fd = plan.directory.get(),
                         .type = mounted.fs_type,
                         .device = device->path,
                         .where = request.staging_path},
                        device->size_bytes);
}

// Kubernetes stages again without unstaging when a node that was given up, and so fenced, is back.
absl::Status Stager::Replace(Plan& plan, const MountEntry& mounted, const MappedDevice& device,
                             absl::Time deadline) {
  const StageRequest& request = plan.request;
  RETURN_IF_ERROR(RefuseWhileUsed(
      absl::StrCat("stage ", request.volume.Spec(), ": ", device.path, " has to be replaced"),
      device, mounted.target));
  plan.directory.Close();  // it keeps the mount busy
  const UnstageRequest unstage{.volume = request.volume, .staging_path = request.staging_path};
  RETURN_IF_ERROR(Unstage(unstage, deadline));
  return Stage(request, deadline);
}

absl::Status Stager::StageDevice(const Plan& plan, absl::Time deadline) {
  const StageRequest& request = plan.request;
  const std::string operation =
      absl::StrCat("stage ", request.volume.Spec(), " at ", request.staging_path);
  ASSIGN_OR_RETURN(MapResult mapped, mapper_.Map(plan.map, deadline));
  if (request.capability.type == AccessType::kBlock) {
    return absl::OkStatus();
  }
  if (mapped.reused) {
    RETURN_IF_ERROR(RefuseWhileUsed(operation, mapped.device, ""));
  }
  absl::Status status = Fill(plan, mapped.device, deadline);
  if (mapped.reused && MayBeDead(status)) {
    RETURN_IF_ERROR(mapper_.Unmap(request.volume, deadline));
    ASSIGN_OR_RETURN(mapped, mapper_.Map(plan.map, deadline));
    status = Fill(plan, mapped.device, deadline);
  }
  if (absl::IsFailedPrecondition(status) && plan.filesystem.read_only &&
      request.context.replay_journal) {
    // Both are told: why it was refused for reading, and why the replay did not help.
    status = Annotate(Replay(plan, deadline), std::string(status.message()));
    if (status.ok()) {
      ASSIGN_OR_RETURN(mapped, mapper_.Map(plan.map, deadline));
      status = Fill(plan, mapped.device, deadline);
    }
  }
  if (!status.ok()) {
    // Kubernetes does not unstage what was refused for good; a device left behind would keep the
    // image in use. What is mounted stays: Unmap refuses it.
    mapper_.Unmap(request.volume, deadline).IgnoreError();
    return Annotate(status, operation);
  }
  return absl::OkStatus();
}

// The kernel replays when it mounts, also read-only, what it may write to. Another node may be at
// it.
absl::Status Stager::Replay(const Plan& plan, absl::Time deadline) {
  const StageRequest& request = plan.request;
  MapRequest map = plan.map;
  map.read_only = false;
  map.exclusive = true;
  const absl::StatusOr<MapResult> mapped = mapper_.Map(map, deadline);
  if (!mapped.ok()) {
    return NotFinal(Annotate(mapped.status(), "replay the journal"));
  }
  RETURN_IF_ERROR(MountDevice({.device = mapped->device.path,
                               .fs_type = plan.filesystem.type,
                               .options = plan.mount,
                               .target_fd = plan.directory.get(),
                               .target = request.staging_path},
                              deadline));
  ASSIGN_OR_RETURN(const Place place, paths_.OpenParent(request.staging_path));
  RETURN_IF_ERROR(UnmountAll(place, deadline));
  return mapper_.Unmap(request.volume, deadline);
}

absl::Status Stager::Fill(const Plan& plan, const MappedDevice& device, absl::Time deadline) {
  ASSIGN_OR_RETURN(const Superblock superblock, PrepareFilesystem(device, plan.filesystem));
  RETURN_IF_ERROR(MountDevice({.device = device.path,
                               .fs_type = superblock.type,
                               .options = plan.mount,
                               .target_fd = plan.directory.get(),
                               .target = plan.request.staging_path},
                              deadline));
  if (plan.filesystem.read_only || !CanGrow(superblock.size_bytes, device.size_bytes)) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const UniqueFd root, paths_.OpenDirectory(plan.request.staging_path));
  return GrowFilesystem({.root_fd = root.get(),
                         .type = superblock.type,
                         .device = device.path,
                         .where = plan.request.staging_path},
                        device.size_bytes);
}

absl::Status Stager::Unstage(const UnstageRequest& request, absl::Time deadline) {
  const std::string operation = absl::StrCat("unstage ", request.volume.Spec());
  ASSIGN_OR_RETURN(const std::optional<MappedDevice> device, mapper_.Find(request.volume));
  absl::StatusOr<Place> place = paths_.OpenParent(request.staging_path);
  absl::StatusOr<UniqueFd> directory = place.ok() ? OpenAt(*place) : place.status();
  if (!directory.ok() && !absl::IsNotFound(directory.status())) {
    return directory.status();
  }
  if (directory.ok()) {
    ASSIGN_OR_RETURN(const std::optional<MountEntry> mounted, MountAt(directory->get()));
    directory->Close();
    if (mounted.has_value()) {
      const bool ours = device.has_value() && device->number == mounted->device;
      if (!ours && !IsOrphan(*mounted)) {
        return absl::FailedPreconditionError(
            absl::StrCat(operation, ": ", mounted->source, " (", mounted->fs_type, ") at ",
                         request.staging_path, " is not this volume (unmount it by hand)"));
      }
      RETURN_IF_ERROR(
          RefuseWhileUsed(operation, ours ? *device : Remains(*mounted), mounted->target));
      RETURN_IF_ERROR(UnmountAll(*place, deadline));
    }
  }
  return device.has_value() ? mapper_.Unmap(request.volume, deadline) : absl::OkStatus();
}

}  // namespace rbdcsi
