#include "controller/condition.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "controller/client_address.h"
#include "controller/cloner.h"
#include "controller/volume_record.h"
#include "csi/node_id.h"

namespace rbdcsi {
namespace {

// At an address of no node that has the volume; this controller's own client aside.
bool IsStranger(const Sight& sight, const Watcher& watcher, uint64_t own_client) {
  return watcher.client != own_client &&
         std::none_of(sight.guard.lockers.begin(), sight.guard.lockers.end(),
                      [&watcher](const class_calls::Locker& holder) {
                        const auto node = NodeId::Parse(holder.cookie);
                        return node.has_value() && IsAtAddress(watcher.address, node->address);
                      });
}

std::vector<std::string> Strangers(const Sight& sight, uint64_t own_client) {
  std::vector<std::string> found;
  for (const Watcher& watcher : sight.watchers) {
    if (IsStranger(sight, watcher, own_client)) {
      found.push_back(absl::StrCat(
          "the client at ", watcher.address,
          " has it open or mapped and is no node that it is attached to (look for a forgotten "
          "`rbd map` there; a dead client's watch ends after 30 s)"));
    }
  }
  return found;
}

std::vector<std::string> Trouble(const Sight& sight, PoolSpace space) {
  std::vector<std::string> found;
  if (sight.map_invalid) {
    found.emplace_back(
        "its object map is invalid, so no node can map it (`rbd object-map rebuild`, or expand "
        "it to the size that it has)");
  }
  if (space == PoolSpace::kFull) {
    found.emplace_back("its pool is full: writes wait (add space or raise the quota)");
  } else if (space == PoolSpace::kNearFull) {
    found.emplace_back("its pool is nearly full: soon writes will wait (add space)");
  }
  return found;
}

std::string WhatWasLookedAt(bool flattening, PoolSpace space) {
  return absl::StrCat(flattening
                          ? "it is being flattened in the background; nothing wrong with its "
                            "header, object map and guard"
                          : "nothing wrong with its header, object map, guard and watchers",
                      space == PoolSpace::kUnknown ? "; how full its pool is could not be asked"
                                                   : "; its pool is not near full");
}

}  // namespace

Condition ConditionOf(const absl::StatusOr<Sight>& look, const Surroundings& around) {
  if (!look.ok()) {
    return {.abnormal = true,
            .message = absl::StrCat("its header cannot be read: ", look.status().message())};
  }
  if (look->state != Sight::State::kPresent) {
    return {.abnormal = true,
            .message = "the image is missing: its name is there, its header is gone"};
  }
  std::vector<std::string> trouble = Trouble(*look, around.space);
  const auto record = VolumeRecord::FromJson(look->record);
  if (!look->record.empty() && !record.has_value()) {
    trouble.emplace_back("its record is not one that this version understands");
  }
  const bool flattening =
      look->parent.has_value() && record.has_value() && record->depth > kFlattenDepth;
  if (!flattening) {  // a controller that flattens has the image open for as long as it takes
    const std::vector<std::string> strangers = Strangers(*look, around.own_client);
    trouble.insert(trouble.end(), strangers.begin(), strangers.end());
  }
  return {.abnormal = !trouble.empty(),
          .message = trouble.empty() ? WhatWasLookedAt(flattening, around.space)
                                     : absl::StrJoin(trouble, "; ")};
}

}  // namespace rbdcsi
