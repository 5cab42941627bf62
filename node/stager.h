// NodeStage and NodeUnstage: image -> device -> file system -> staging path, and back.
//
// Looks first, acts second, and every act is one that a repeated call finds done: a device that is
// mapped is used, a file system that is there is mounted, a mount that is there is the answer.
// Block volumes are only mapped; their staging path stays an empty directory.
//
// A reader's file system whose journal is not empty (copied while it was mounted, or its node died)
// cannot be mounted from a read-only device, and mounted without its journal it would be a wrong
// one: measured, a synced file system of 300 files shows none. If the controller vouches that
// nobody writes the image (PublishContext::replay_journal), the device is mapped for writing and
// exclusively for a moment, so that of several nodes one replays; else the answer says what to do.
// Any thread; one call per volume at a time (the RPC lock).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "csi/capability.h"
#include "csi/credentials.h"
#include "csi/publish_context.h"
#include "csi/volume_id.h"
#include "node/device_mapper.h"
#include "node/path.h"

namespace rbdcsi {

struct StageRequest {
  VolumeId volume;
  std::string staging_path;
  Capability capability;
  PublishContext context;
  Credentials credentials;
};

struct UnstageRequest {
  VolumeId volume;
  std::string staging_path;
};

class Stager {
 public:
  Stager(DeviceMapper& mapper, const AllowedPaths& paths) : mapper_(mapper), paths_(paths) {}

  // OK: staged, by this call or before. ALREADY_EXISTS: staged with another file system or
  // read-only state. FAILED_PRECONDITION: something else is at the path, or the device holds
  // something else. A device mapped in vain is unmapped again; a staged device that only fails (its
  // client was fenced) is replaced, unless it is still published.
  absl::Status Stage(const StageRequest& request, absl::Time deadline);
  // OK: nothing of the volume is left on this node. FAILED_PRECONDITION: still published, and
  // where.
  absl::Status Unstage(const UnstageRequest& request, absl::Time deadline);

 private:
  struct Plan;
  absl::Status Confirm(Plan& plan, const MountEntry& mounted, absl::Time deadline);
  absl::Status Replace(Plan& plan, const MountEntry& mounted, const MappedDevice& device,
                       absl::Time deadline);
  absl::Status StageDevice(const Plan& plan, absl::Time deadline);
  absl::Status Replay(const Plan& plan, absl::Time deadline);
  absl::Status Fill(const Plan& plan, const MappedDevice& device, absl::Time deadline);

  DeviceMapper& mapper_;
  const AllowedPaths& paths_;
};

}  // namespace rbdcsi
