#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "controller/changed_block_store.h"
#include "controller/class_calls.h"
#include "controller/image_features.h"
#include "controller/pool_errors.h"
#include "controller/tracking_header.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

// The objects that one call of librbd asks; it asks ten at once. Their extents are held in memory.
constexpr uint64_t kObjectsAtOnce = 256;

// rbd_diff_iterate2 over one piece of the snapshot after the other.
class AskedExtents final : public ExtentSource {
 public:
  struct Plan {
    Pool& pool;
    std::string image_id;
    std::string base;  // empty: from the beginning of time
    uint64_t window_bytes;
    CheckWanted wanted;
  };
  AskedExtents(Plan plan, Image image, uint64_t size_bytes)
      : plan_(std::move(plan)), image_(std::move(image)), size_bytes_(size_bytes) {}

  absl::StatusOr<std::optional<Extent>> Next(uint64_t from) override {
    while (true) {
      for (; next_ < found_.size(); ++next_) {
        if (found_[next_].end() > from) {
          return found_[next_];
        }
      }
      const uint64_t begin = std::max(asked_, from / plan_.window_bytes * plan_.window_bytes);
      if (begin >= size_bytes_) {
        return std::nullopt;
      }
      RETURN_IF_ERROR(plan_.wanted());
      RETURN_IF_ERROR(AskFor(begin));
    }
  }

 private:
  absl::Status AskFor(uint64_t begin) {
    found_.clear();
    next_ = 0;
    asked_ = std::min(begin + plan_.window_bytes, size_bytes_);
    const int r =
        rbd_diff_iterate2(image_.get(), plan_.base.empty() ? nullptr : plan_.base.c_str(), begin,
                          asked_ - begin, /*include_parent=*/0, /*whole_object=*/0, &Add, this);
    RETURN_IF_ERROR(
        Check(plan_.pool, CephOperation::kSnapshotLook, r, SpecById(plan_.pool, plan_.image_id)));
    std::sort(found_.begin(), found_.end(),
              [](const Extent& a, const Extent& b) { return a.offset < b.offset; });
    return absl::OkStatus();
  }

  static int Add(uint64_t offset, size_t size, int exists, void* self) {
    auto& asked = *static_cast<AskedExtents*>(self);
    // What was removed is a change; it is nothing that was written.
    if (size > 0 && (exists != 0 || !asked.plan_.base.empty())) {
      asked.found_.push_back({.offset = offset, .size = size});
    }
    return 0;
  }

  Plan plan_;
  Image image_;
  uint64_t size_bytes_;
  uint64_t asked_ = 0;
  std::vector<Extent> found_;
  size_t next_ = 0;
};

class RbdChangedBlockStore final : public ChangedBlockStore {
 public:
  explicit RbdChangedBlockStore(std::shared_ptr<Cluster> cluster) : cluster_(std::move(cluster)) {}

  absl::StatusOr<TrackedImage> Look(const SnapshotAddress& at) override;
  absl::StatusOr<std::vector<TrackedSnapshot>> Snapshots(const SnapshotAddress& at,
                                                         const std::vector<uint64_t>& ids) override;
  absl::StatusOr<std::optional<ObjectMap>> Map(const SnapshotAddress& at) override;
  absl::StatusOr<std::unique_ptr<ExtentSource>> Ask(const SnapshotAddress& at,
                                                    const std::string& base,
                                                    const CheckWanted& wanted) override;

 private:
  absl::StatusOr<Pool*> PoolOf(const SnapshotAddress& at);

  std::shared_ptr<Cluster> cluster_;
  std::map<std::pair<int64_t, std::string>, Pool> pools_;
};

absl::StatusOr<Pool*> RbdChangedBlockStore::PoolOf(const SnapshotAddress& at) {
  const auto key = std::make_pair(at.pool, at.rados_namespace);
  auto found = pools_.find(key);
  if (found == pools_.end()) {
    std::string name(256, '\0');
    const int r = rados_pool_reverse_lookup(cluster_->get(), at.pool, name.data(), name.size());
    if (r < 0) {
      return cluster_->Fail(CephOperation::kOpenPool, -r, absl::StrCat("(id ", at.pool, ")"));
    }
    name.resize(static_cast<size_t>(r));
    ASSIGN_OR_RETURN(Pool pool,
                     Pool::Open(cluster_, {.pool = name, .rados_namespace = at.rados_namespace}));
    found = pools_.emplace(key, std::move(pool)).first;
  }
  return &found->second;
}

absl::StatusOr<TrackedImage> RbdChangedBlockStore::Look(const SnapshotAddress& at) {
  ASSIGN_OR_RETURN(Pool* const pool, PoolOf(at));
  TrackedImage image;
  RETURN_IF_ERROR(Check(*pool, CephOperation::kSnapshotLook,
                        tracking_header::ReadImage(*pool, at.image_id, &image),
                        SpecById(*pool, at.image_id)));
  return image;
}

absl::StatusOr<std::vector<TrackedSnapshot>> RbdChangedBlockStore::Snapshots(
    const SnapshotAddress& at, const std::vector<uint64_t>& ids) {
  ASSIGN_OR_RETURN(Pool* const pool, PoolOf(at));
  std::vector<TrackedSnapshot> snapshots;
  RETURN_IF_ERROR(Check(*pool, CephOperation::kSnapshotLook,
                        tracking_header::ReadSnapshots(*pool, at.image_id, ids, &snapshots),
                        SpecById(*pool, at.image_id)));
  return snapshots;
}

absl::StatusOr<std::optional<ObjectMap>> RbdChangedBlockStore::Map(const SnapshotAddress& at) {
  ASSIGN_OR_RETURN(Pool* const pool, PoolOf(at));
  std::optional<ObjectMap> map;
  const int r = tracking_header::ReadMap(*pool, at.image_id, at.snapshot, &map);
  if (r == -ENOENT) {
    return std::nullopt;
  }
  RETURN_IF_ERROR(Check(*pool, CephOperation::kSnapshotLook, r, SpecById(*pool, at.image_id)));
  return map;
}

absl::StatusOr<std::unique_ptr<ExtentSource>> RbdChangedBlockStore::Ask(const SnapshotAddress& at,
                                                                        const std::string& base,
                                                                        const CheckWanted& wanted) {
  ASSIGN_OR_RETURN(Pool* const pool, PoolOf(at));
  ASSIGN_OR_RETURN(Image image, Image::OpenById(*pool, at.image_id, Image::Mode::kReadOnly,
                                                CephOperation::kSnapshotLook));
  rbd_image_info_t info = {};
  uint64_t stripe_count = 1;
  int r = rbd_snap_set_by_id(image.get(), at.snapshot);
  if (r == 0) {
    r = rbd_stat(image.get(), &info, sizeof(info));
  }
  if (r == 0) {
    r = rbd_get_stripe_count(image.get(), &stripe_count);
  }
  RETURN_IF_ERROR(Check(*pool, CephOperation::kSnapshotLook, r, SpecById(*pool, at.image_id)));
  const uint64_t period = info.obj_size * stripe_count;
  const uint64_t periods = std::max<uint64_t>(1, kObjectsAtOnce / stripe_count);
  return std::make_unique<AskedExtents>(AskedExtents::Plan{.pool = *pool,
                                                           .image_id = at.image_id,
                                                           .base = base,
                                                           .window_bytes = periods * period,
                                                           .wanted = wanted},
                                        std::move(image), info.size);
}

}  // namespace

std::unique_ptr<ChangedBlockStore> MakeRbdChangedBlockStore(std::shared_ptr<Cluster> cluster) {
  return std::make_unique<RbdChangedBlockStore>(std::move(cluster));
}

}  // namespace rbdcsi
