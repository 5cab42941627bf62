#include "controller/cloner.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

absl::Status Gone(const CloneSource& source) {
  return absl::NotFoundError(absl::StrCat("clone ", source.text, ": the source does not exist"));
}

// The temporary snapshot: under its name, or in the trash namespace, where a former call has put
// it after it had attached the clone (`attached`, 0: it has not).
absl::StatusOr<std::optional<SnapshotInfo>> FindTemporary(const CloneSource& source,
                                                          uint64_t attached) {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, source.store->SnapshotIds(source.image_id));
  ASSIGN_OR_RETURN(std::vector<SnapshotInfo> all, source.store->Snapshots(source.image_id, ids));
  for (SnapshotInfo& info : all) {
    const bool named = info.name_space == SnapshotNamespace::kUser && info.name == source.temporary;
    if (attached != 0 ? info.id == attached : named) {
      return std::move(info);
    }
  }
  return std::nullopt;
}

CloneBase BaseOf(const CloneSource& source, uint64_t snapshot, uint64_t size_bytes) {
  return {.parent = {.pool = source.store->PoolId(),
                     .rados_namespace = source.store->RadosNamespace(),
                     .image_id = source.image_id,
                     .snapshot = snapshot},
          .size_bytes = size_bytes};
}

}  // namespace

absl::StatusOr<CloneBase> Cloner::Prepare(const CloneSource& source,
                                          const std::optional<class_calls::Parent>& half_made) {
  const uint64_t attached = half_made.has_value() ? half_made->snapshot : 0;
  if (half_made.has_value() &&
      (half_made->image_id != source.image_id ||
       (source.temporary.empty() && half_made->snapshot != source.snapshot))) {
    return absl::FailedPreconditionError(
        absl::StrCat("clone ", source.text, ": the half-made image is a clone of something else"));
  }
  if (source.temporary.empty()) {
    return BaseOf(source, source.snapshot, source.size_bytes);
  }
  ASSIGN_OR_RETURN(std::optional<SnapshotInfo> found, FindTemporary(source, attached));
  if (!found.has_value() && attached == 0) {
    RETURN_IF_ERROR(source.store->Create(source.image_id, source.temporary));
    ASSIGN_OR_RETURN(found, FindTemporary(source, attached));
  }
  return found.has_value() ? absl::StatusOr<CloneBase>(BaseOf(source, found->id, found->size))
                           : Gone(source);
}

absl::Status Cloner::Attach(SnapshotStore& children, const std::string& child_id,
                            const CloneSource& source, const CloneBase& base) {
  const SnapshotRef parent = {.image_id = source.image_id, .snapshot = base.parent.snapshot};
  const class_calls::Child child = {.pool = children.PoolId(),
                                    .rados_namespace = children.RadosNamespace(),
                                    .image_id = child_id};
  RETURN_IF_ERROR(children.AttachParent(child_id, base.parent, base.size_bytes));
  const absl::Status registered = source.store->AttachChild(parent, child);
  if (absl::IsNotFound(registered)) {
    // A snapshot in the trash namespace takes no new children; a former call of ours may be one.
    ASSIGN_OR_RETURN(const std::vector<class_calls::Child> known, source.store->Children(parent));
    if (std::find(known.begin(), known.end(), child) == known.end()) {
      return registered;
    }
  } else {
    RETURN_IF_ERROR(registered);
  }
  if (source.depth + 1 > kFlattenDepth) {
    // Before the clone gets its record: a volume that is too deep is never without its mark.
    RETURN_IF_ERROR(children.Mark(
        {.pool = child.pool, .rados_namespace = child.rados_namespace, .image_id = child_id},
        FlattenMark::Why::kChain, absl::Now()));
  }
  return source.temporary.empty() ? absl::OkStatus()
                                  : source.store->Remove(source.image_id, source.temporary);
}

void Cloner::Abandon(const CloneSource& source) {
  if (source.temporary.empty()) {
    return;
  }
  if (const absl::Status removed = source.store->Remove(source.image_id, source.temporary);
      !removed.ok()) {
    spdlog::warn("{} (the reaper will remove it)", std::string(removed.message()));
  }
}

}  // namespace rbdcsi
