#include "controller/left_snapshots.h"

#include <spdlog/spdlog.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "controller/snapshotter.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

// A round of the monitors and three writes.
constexpr absl::Duration kRemoval = absl::Seconds(2);

std::string Named(const SnapshotStore& store, const std::string& image_id) {
  return store.Spec(absl::StrCat("(id ", image_id, ")"));
}

absl::StatusOr<bool> RemoveTemporaries(SnapshotStore& store, const std::string& image_id,
                                       const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    RETURN_IF_ERROR(store.Remove(image_id, name));
    spdlog::info("removed the temporary snapshot {}@{}", Named(store, image_id), name);
  }
  return !names.empty();
}

absl::StatusOr<bool> RemoveStrays(SnapshotStore& store, const std::string& image_id,
                                  const std::vector<SnapshotInfo>& snapshots) {
  bool removed = false;
  for (const SnapshotInfo& snapshot : snapshots) {
    if (snapshot.name_space != SnapshotNamespace::kGroup) {
      continue;
    }
    ASSIGN_OR_RETURN(const bool stray, store.RemoveStray(image_id, snapshot));
    if (stray) {
      removed = true;
      spdlog::info("removed {}@{}, of which its group knows nothing", Named(store, image_id),
                   snapshot.name);
    }
  }
  return removed;
}

}  // namespace

std::vector<std::string> StaleTemporaries(const std::vector<SnapshotInfo>& snapshots,
                                          absl::Time now) {
  std::vector<std::string> names;
  for (const SnapshotInfo& snapshot : snapshots) {
    if (snapshot.name_space == SnapshotNamespace::kUser &&
        absl::StartsWith(snapshot.name, Sv(kTemporaryPrefix)) &&
        now - snapshot.taken > kStaleTemporary) {
      names.push_back(snapshot.name);
    }
  }
  return names;
}

bool IsHalfRemoved(const SnapshotInfo& snapshot) {
  return snapshot.name_space == SnapshotNamespace::kTrash && snapshot.children == 0;
}

absl::StatusOr<bool> FinishRemovals(SnapshotStore& store, const std::string& image_id,
                                    const std::vector<SnapshotInfo>& snapshots) {
  std::vector<uint64_t> ids;
  for (const SnapshotInfo& snapshot : snapshots) {
    if (IsHalfRemoved(snapshot)) {
      ids.push_back(snapshot.id);
    }
  }
  if (ids.empty()) {
    return false;
  }
  absl::SleepFor(kRemoval);
  ASSIGN_OR_RETURN(const std::vector<SnapshotInfo> left, store.Snapshots(image_id, ids));
  for (const SnapshotInfo& snapshot : left) {
    if (IsHalfRemoved(snapshot)) {
      RETURN_IF_ERROR(store.RemoveById(image_id, snapshot));
      spdlog::info("finished the removal of {}@{} ({})", Named(store, image_id),
                   snapshot.original_name, snapshot.id);
    }
  }
  return true;
}

absl::StatusOr<bool> RemoveLeftSnapshots(SnapshotStore& store, const Sight& sight, absl::Time now) {
  ASSIGN_OR_RETURN(const std::vector<SnapshotInfo> snapshots,
                   store.Snapshots(sight.id, sight.snapshots));
  ASSIGN_OR_RETURN(const bool temporaries,
                   RemoveTemporaries(store, sight.id, StaleTemporaries(snapshots, now)));
  ASSIGN_OR_RETURN(const bool strays, RemoveStrays(store, sight.id, snapshots));
  ASSIGN_OR_RETURN(const bool finished, FinishRemovals(store, sight.id, snapshots));
  return temporaries || strays || finished;
}

}  // namespace rbdcsi
