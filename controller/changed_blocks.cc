#include "controller/changed_blocks.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "controller/image_features.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

using class_calls::SnapshotInfo;
using class_calls::SnapshotNamespace;

constexpr int kRounds = 5;
constexpr int kMaxParents = 64;  // a chain that is longer leads in a circle

// ABORTED: the header moved on while the maps were read; look again.
absl::Status Moved() { return absl::AbortedError("moved on"); }

template <class Result, class Work>
absl::StatusOr<Result> InRounds(const Work& work) {
  for (int round = 0; round < kRounds; ++round) {
    absl::StatusOr<Result> result = work();
    if (result.ok() || !absl::IsAborted(result.status())) {
      return result;
    }
  }
  return absl::UnavailableError(
      "read changed blocks: the volume's snapshots or its parent keep changing (call again)");
}

absl::StatusOr<std::optional<ObjectMap>> FittingMap(ChangedBlockStore& store,
                                                    const SnapshotAddress& at,
                                                    uint64_t object_count) {
  ASSIGN_OR_RETURN(std::optional<ObjectMap> map, store.Map(at));
  if (map.has_value() && !map->Trim(object_count)) {
    map.reset();
  }
  return map;
}

SnapshotAddress At(SnapshotAddress image, uint64_t snapshot) {
  image.snapshot = snapshot;
  return image;
}

}  // namespace

absl::StatusOr<ChangedBlocks::Line> ChangedBlocks::Look(const SnapshotAddress& target,
                                                        uint64_t base) {
  Line line;
  ASSIGN_OR_RETURN(line.image, store_.Look(target));
  std::vector<uint64_t> ids;
  for (auto id = line.image.snapshots.rbegin(); id != line.image.snapshots.rend(); ++id) {
    if (*id >= base && *id <= target.snapshot) {
      ids.push_back(*id);
    }
  }
  if (ids.empty() || ids.front() != base || ids.back() != target.snapshot) {
    return absl::NotFoundError(
        absl::StrCat("read changed blocks of image (id ", target.image_id,
                     "): a snapshot was removed meanwhile (take a full backup)"));
  }
  absl::StatusOr<std::vector<TrackedSnapshot>> snapshots = store_.Snapshots(target, ids);
  if (absl::IsNotFound(snapshots.status())) {
    return Moved();  // one of them was removed since; or the image, which the next look will say
  }
  RETURN_IF_ERROR(snapshots.status());
  line.snapshots = *std::move(snapshots);
  return line;
}

absl::StatusOr<std::unique_ptr<ExtentSource>> ChangedBlocks::Allocated(const SnapshotAddress& at) {
  return InRounds<std::unique_ptr<ExtentSource>>(
      [&]() -> absl::StatusOr<std::unique_ptr<ExtentSource>> {
        Sources levels;
        RETURN_IF_ERROR(AddLevels(at, &levels));
        return Union(std::move(levels));
      });
}

// The image's own objects, and under them its parent's as far as they show through. What a clone
// has hidden of its parent is an object of the clone, so nothing has to be taken away.
absl::Status ChangedBlocks::AddLevels(const SnapshotAddress& at, Sources* levels) {
  SnapshotAddress level = at;
  uint64_t limit = std::numeric_limits<uint64_t>::max();
  for (int depth = 0; depth < kMaxParents; ++depth) {
    const absl::StatusOr<Line> line = Look(level, level.snapshot);
    if (depth > 0 && absl::IsNotFound(line.status())) {
      return Moved();  // the clone was flattened meanwhile
    }
    RETURN_IF_ERROR(line.status());
    const TrackedSnapshot& snapshot = line->snapshots.front();
    ASSIGN_OR_RETURN(std::unique_ptr<ExtentSource> own, OwnBlocks(level, *line));
    limit = std::min(limit, snapshot.size_bytes);
    levels->push_back(Clip(std::move(own), {.offset = 0, .size = limit}));
    limit = std::min(limit, snapshot.overlap_bytes);
    if (limit == 0 || !line->image.parent.has_value()) {
      return absl::OkStatus();
    }
    level = *line->image.parent;
  }
  return absl::InternalError(absl::StrCat("read changed blocks of image (id ", at.image_id,
                                          "): more than ", kMaxParents, " parents"));
}

absl::StatusOr<std::unique_ptr<ExtentSource>> ChangedBlocks::OwnBlocks(const SnapshotAddress& at,
                                                                       const Line& line) {
  const TrackedSnapshot& snapshot = line.snapshots.front();
  if ((line.image.features & kFeatureObjectMap) != 0 && snapshot.map_valid) {
    const uint64_t count = ObjectCount(line.image.layout, snapshot.size_bytes);
    ASSIGN_OR_RETURN(const std::optional<ObjectMap> map, FittingMap(store_, at, count));
    ASSIGN_OR_RETURN(const Line after, Look(at, at.snapshot));
    if (after.snapshots != line.snapshots || after.image.features != line.image.features) {
      return Moved();
    }
    if (map.has_value()) {
      return ObjectExtents(line.image.layout, Existing(*map, count), snapshot.size_bytes);
    }
  }
  return store_.Ask(at, "", wanted_);
}

absl::StatusOr<std::unique_ptr<ExtentSource>> ChangedBlocks::Delta(const SnapshotAddress& target,
                                                                   const SnapshotInfo& base) {
  return InRounds<std::unique_ptr<ExtentSource>>([&] { return DeltaOnce(target, base); });
}

absl::StatusOr<std::unique_ptr<ExtentSource>> ChangedBlocks::DeltaOnce(
    const SnapshotAddress& target, const SnapshotInfo& base) {
  ASSIGN_OR_RETURN(const Line line, Look(target, base.id));
  ASSIGN_OR_RETURN(std::optional<ObjectSet> objects, ChangedObjects(target, line));
  const TrackedSnapshot& before = line.snapshots.front();
  const TrackedSnapshot& after = line.snapshots.back();
  Sources sources;
  if (objects.has_value()) {
    sources.push_back(ObjectExtents(line.image.layout, *std::move(objects), after.size_bytes));
  } else {
    ASSIGN_OR_RETURN(std::unique_ptr<ExtentSource> asked, WithoutMaps(target, base));
    sources.push_back(std::move(asked));
  }
  // A clone that was made smaller and larger again has lost what its parent showed there, though
  // none of its own objects has changed.
  const uint64_t low = std::min(before.overlap_bytes, after.overlap_bytes);
  const uint64_t high =
      std::min(std::max(before.overlap_bytes, after.overlap_bytes), after.size_bytes);
  if (line.image.parent.has_value() && low < high) {
    Sources parents;
    const absl::Status added = AddLevels(*line.image.parent, &parents);
    if (absl::IsNotFound(added)) {
      return Moved();  // flattened meanwhile
    }
    RETURN_IF_ERROR(added);
    sources.push_back(Clip(Union(std::move(parents)), {.offset = low, .size = high - low}));
  }
  return Union(std::move(sources));
}

// Nullopt: the maps are off, invalid or missing.
absl::StatusOr<std::optional<ObjectSet>> ChangedBlocks::ChangedObjects(
    const SnapshotAddress& target, const Line& line) {
  const bool valid = std::all_of(
      line.snapshots.begin(), line.snapshots.end(),
      [](const TrackedSnapshot& snapshot) { return snapshot.map_valid && snapshot.diff_valid; });
  if ((line.image.features & kFeatureFastDiff) == 0 || !valid) {
    return std::nullopt;
  }
  std::optional<ObjectSet> changed(
      ObjectSet(ObjectCount(line.image.layout, line.snapshots.back().size_bytes)));
  std::optional<ObjectMap> first;
  std::optional<ObjectMap> before;
  for (const TrackedSnapshot& snapshot : line.snapshots) {
    RETURN_IF_ERROR(wanted_());
    ASSIGN_OR_RETURN(std::optional<ObjectMap> map,
                     FittingMap(store_, At(target, snapshot.id),
                                ObjectCount(line.image.layout, snapshot.size_bytes)));
    if (!map.has_value()) {
      changed.reset();
      break;
    }
    if (before.has_value()) {
      AddChanges(*before, *map, &*changed);
    } else {
      first = *map;
    }
    before = std::move(map);
  }
  if (changed.has_value()) {
    DropAbsent(*first, *before, &*changed);
  }
  ASSIGN_OR_RETURN(const Line after, Look(target, line.snapshots.front().id));
  if (after.snapshots != line.snapshots || after.image.features != line.image.features) {
    return Moved();
  }
  return changed;
}

absl::StatusOr<std::unique_ptr<ExtentSource>> ChangedBlocks::WithoutMaps(
    const SnapshotAddress& target, const SnapshotInfo& base) {
  if (base.name_space != SnapshotNamespace::kUser) {
    return absl::FailedPreconditionError(absl::StrCat(
        "read changed blocks of image (id ", target.image_id, ") since ", base.name,
        ": the base is a member of a group snapshot, and the image's object maps are off or "
        "invalid (take a full backup; enable fast-diff, then `rbd object-map rebuild` the image)"));
  }
  return store_.Ask(target, base.name, wanted_);
}

}  // namespace rbdcsi
