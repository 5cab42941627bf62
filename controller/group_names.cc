#include "controller/group_names.h"

#include "controller/messages.h"
#include "csi/status.h"

namespace rbdcsi {

absl::StatusOr<std::string> GroupNames::IdOf(const Place& place, const FoundSnapshot& snapshot) {
  if (snapshot.info.name_space != SnapshotNamespace::kGroup) {
    return std::string();
  }
  const std::pair<Place, std::string> key = {place, snapshot.info.group_id};
  if (const auto known = known_.find(key); known != known_.end()) {
    return known->second;
  }
  ASSIGN_OR_RETURN(std::string id, Read(place, snapshot.info));
  known_.emplace(key, id);
  return id;
}

absl::StatusOr<std::string> GroupNames::Read(const Place& place, const SnapshotInfo& snapshot) {
  ASSIGN_OR_RETURN(const auto beside, stores_.OpenGroups(place, secrets_));
  Place home = place;
  ASSIGN_OR_RETURN(home.pool, beside->PoolName(snapshot.group_pool));
  ASSIGN_OR_RETURN(const auto groups, stores_.OpenGroups(home, secrets_));
  ASSIGN_OR_RETURN(const std::string name, groups->NameOf(snapshot.group_id));
  return name.empty() ? std::string() : IdIn(home, name).ToString();
}

}  // namespace rbdcsi
