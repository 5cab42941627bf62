#include "controller/chain.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "controller/snapshotter.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

// No client follows so many; a longer chain can only be a circle.
constexpr size_t kEndless = 64;

absl::Status TooDeep(const CloneSource& source, size_t depth, const std::string& first,
                     int percent) {
  return absl::AbortedError(
      absl::StrCat("create volume from ", source.text, ": ", depth,
                   " clones stand on one another, and the kernel follows 16 (call again; image id ",
                   first, " is being flattened, ", percent, " % done)"));
}

// Marks all that are too deep, the lowest as the first to be flattened: that frees most.
absl::Status MarkChain(const CloneSource& source, const std::vector<ImageAddress>& chain) {
  std::string first;
  int percent = 0;
  for (size_t depth = kFlattenDepth + 1; depth <= chain.size(); ++depth) {
    const ImageAddress& image = chain[chain.size() - depth];
    RETURN_IF_ERROR(source.store->Mark(image, FlattenMark::Why::kChain, absl::Now()));
    if (first.empty()) {
      first = image.image_id;
    }
    ASSIGN_OR_RETURN(const std::optional<FlattenMark> mark, source.store->MarkOf(image));
    if (mark.has_value() && mark->percent > percent) {
      first = image.image_id;
      percent = mark->percent;
    }
  }
  return TooDeep(source, chain.size(), first, percent);
}

absl::Status Full(const CrowdedImage& image, size_t marked) {
  const std::string message = absl::StrCat(image.what, ": it has ", image.snapshots.size(),
                                           " snapshots, more than which the kernel may not map");
  return marked == 0 ? absl::ResourceExhaustedError(absl::StrCat(message, " (delete some)"))
                     : absl::AbortedError(absl::StrCat(
                           message, " (call again; the clones of the ", marked,
                           " oldest removed ones are being flattened, with which those leave)"));
}

// The removed ones that clones hold, the oldest first.
absl::StatusOr<std::vector<SnapshotInfo>> HeldSnapshots(SnapshotStore& store,
                                                        const CrowdedImage& image) {
  ASSIGN_OR_RETURN(std::vector<SnapshotInfo> all, store.Snapshots(image.image_id, image.snapshots));
  std::erase_if(all, [](const SnapshotInfo& snapshot) {
    return snapshot.name_space != SnapshotNamespace::kTrash || snapshot.children == 0;
  });
  std::sort(all.begin(), all.end(),
            [](const SnapshotInfo& a, const SnapshotInfo& b) { return a.taken < b.taken; });
  return all;
}

}  // namespace

absl::StatusOr<std::vector<ImageAddress>> WalkChain(SnapshotStore& store,
                                                    const ImageAddress& image) {
  std::vector<ImageAddress> clones;
  ImageAddress at = image;
  while (clones.size() < kEndless) {
    ASSIGN_OR_RETURN(const std::optional<class_calls::Parent> parent, store.ParentOf(at));
    if (!parent.has_value()) {
      break;
    }
    clones.push_back(at);
    at = {.pool = parent->pool,
          .rados_namespace = parent->rados_namespace,
          .image_id = parent->image_id};
  }
  return clones;
}

absl::Status BoundDepth(CloneSource& source, bool has_record) {
  if (has_record && source.depth + 1 <= kFlattenDepth) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::vector<ImageAddress> chain,
                   WalkChain(*source.store, {.pool = source.store->PoolId(),
                                             .rados_namespace = source.store->RadosNamespace(),
                                             .image_id = source.image_id}));
  source.depth = chain.size();
  return source.depth + 1 <= kMaxDepth ? absl::OkStatus() : MarkChain(source, chain);
}

absl::Status MakeRoom(SnapshotStore& store, const CrowdedImage& image) {
  if (image.snapshots.size() < kCrowdedSnapshots) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::vector<SnapshotInfo> held, HeldSnapshots(store, image));
  const size_t count = std::min(held.size(), kMarkedAtOnce);
  for (size_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const std::vector<ImageAddress> clones,
                     store.Children({.image_id = image.image_id, .snapshot = held[i].id}));
    for (const ImageAddress& clone : clones) {
      RETURN_IF_ERROR(store.Mark(clone, FlattenMark::Why::kSnapshots, held[i].taken));
    }
  }
  return image.snapshots.size() < kMaxSnapshots ? absl::OkStatus() : Full(image, count);
}

}  // namespace rbdcsi
