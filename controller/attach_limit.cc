#include "controller/attach_limit.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr int kRounds = 20;
// A place is taken before the guard. Whoever has no guard this long after it has died in between.
constexpr absl::Duration kOnItsWay = absl::Minutes(1);

bool IsHolder(const Sight& sight, const NodeId& node) {
  return std::any_of(sight.guard.lockers.begin(), sight.guard.lockers.end(),
                     [&node](const class_calls::Locker& locker) {
                       const auto holder = NodeId::Parse(locker.cookie);
                       return holder.has_value() && holder->name == node.name;
                     });
}

// Forgets the volumes that the node does not have; how many are left.
absl::StatusOr<size_t> CountAgain(ImageStore& store, const NodeId& node,
                                  const NodeVolumes& volumes) {
  std::vector<std::string> old;
  for (const auto& [id, added] : volumes.added) {
    if (added + kOnItsWay < absl::Now()) {
      old.push_back(id);
    }
  }
  const std::vector<absl::StatusOr<Sight>> sights = store.LookByIds(old, Detail::kForList);
  std::vector<std::string> gone;
  for (size_t i = 0; i < old.size(); ++i) {
    if (sights[i].ok() && !IsHolder(*sights[i], node)) {
      gone.push_back(old[i]);
    }
  }
  RETURN_IF_ERROR(store.RemoveFromNode(node.name, gone));
  return volumes.added.size() - gone.size();
}

}  // namespace

absl::Status TakePlace(ImageStore& store, const NodeId& node, const std::string& image_id) {
  if (node.max_volumes == 0) {
    return absl::OkStatus();
  }
  for (int round = 0; round < kRounds; ++round) {
    ASSIGN_OR_RETURN(const NodeVolumes volumes, store.VolumesOfNode(node.name));
    if (!volumes.added.contains(image_id) && volumes.added.size() >= node.max_volumes) {
      ASSIGN_OR_RETURN(const size_t count, CountAgain(store, node, volumes));
      if (count >= node.max_volumes) {
        return absl::ResourceExhaustedError(
            absl::StrCat("node ", node.name, " has ", count, " volumes of this pool, its limit is ",
                         node.max_volumes, " (--max-volumes-per-node of the node plugin)"));
      }
    }
    ASSIGN_OR_RETURN(const Written written,
                     store.AddToNode(node.name, volumes.generation, image_id));
    if (written == Written::kWritten) {
      return absl::OkStatus();
    }
  }
  return absl::AbortedError(
      absl::StrCat("node ", node.name, ": many volumes are attached at once (call again)"));
}

absl::Status LeavePlace(ImageStore& store, const NodeId& node, const std::string& image_id) {
  return node.max_volumes == 0 ? absl::OkStatus() : store.RemoveFromNode(node.name, {image_id});
}

}  // namespace rbdcsi
