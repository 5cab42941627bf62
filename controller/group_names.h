// From the group that a member snapshot names, by pool and id, to its group_snapshot_id.
//
// One read a group, remembered for the time of one call: a list has many members of few groups.
// Blocking; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "controller/snapshotter.h"
#include "controller/stores.h"

namespace rbdcsi {

class GroupNames {
 public:
  // `secrets`: as Stores::Open takes them.
  GroupNames(Stores& stores, const Secrets* secrets) : stores_(stores), secrets_(secrets) {}

  // Empty: the snapshot is no member, or its group is gone.
  absl::StatusOr<std::string> IdOf(const Place& place, const FoundSnapshot& snapshot);

 private:
  absl::StatusOr<std::string> Read(const Place& place, const SnapshotInfo& snapshot);

  Stores& stores_;
  const Secrets* secrets_;
  std::map<std::pair<Place, std::string>, std::string> known_;
};

}  // namespace rbdcsi
