// Who is in a group snapshot: the volumes that are to be taken together, and the members of one
// that was taken.
//
// Reads only. Members may be in several pools of one cluster, so this opens what it needs.
// Blocking; any thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/group_snapshotter.h"
#include "controller/group_store.h"
#include "controller/stores.h"
#include "csi/volume_id.h"

namespace rbdcsi {

struct SourceVolume {
  VolumeId id;
  int64_t pool = -1;
  std::string image_id;
};

// NOT_FOUND: there is no such volume. FAILED_PRECONDITION: one of several has no exclusive lock,
// through which librbd stops its writers. RESOURCE_EXHAUSTED: one has too many snapshots.
absl::StatusOr<std::vector<SourceVolume>> LookAtSources(Stores& stores, const Secrets& secrets,
                                                        const std::vector<VolumeId>& volumes);

struct GroupContent {
  std::vector<MemberSnapshot> members;  // as far as they are there
  std::set<std::string> volumes;        // the ids of their volumes
  size_t missing = 0;                   // in the record of the group snapshot, but not on its image
};

absl::StatusOr<GroupContent> ReadMembers(Stores& stores, const Secrets& secrets, const VolumeId& id,
                                         GroupStore& groups, const GroupSnapshot& snapshot);
// FAILED_PRECONDITION: members are missing.
absl::Status CheckWhole(const VolumeId& id, const GroupContent& content);

}  // namespace rbdcsi
