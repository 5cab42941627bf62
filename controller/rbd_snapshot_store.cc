#include <cerrno>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "controller/error_tables.h"
#include "controller/group_calls.h"
#include "controller/image_header.h"
#include "controller/pool_errors.h"
#include "controller/rbd_copy_up.h"
#include "controller/snap_lock.h"
#include "controller/snapshot_header.h"
#include "controller/snapshot_store.h"
#include "csi/status.h"
#include "csi/step.h"

namespace rbdcsi {
namespace {

constexpr char kFlattenLock[] = "rbd-csi.flatten";
// As long as the watch of a client that has died.
constexpr absl::Duration kFlattenTurn = absl::Seconds(30);
// How long a snapshot may have to wait for a flattening, and when its turn comes.
constexpr absl::Duration kSlice = absl::Seconds(1);
constexpr absl::Duration kBetweenSlices = absl::Milliseconds(150);
constexpr absl::Duration kHole = absl::Milliseconds(5);

int IgnoreProgress(uint64_t, uint64_t, void*) { return 0; }

// Only a clone can be flattened, and no image becomes one later.
bool HasParent(const Image& image) {
  rbd_linked_image_spec_t parent = {};
  rbd_snap_spec_t snapshot = {};
  const int r = rbd_get_parent(image.get(), &parent, &snapshot);
  if (r == 0) {
    rbd_linked_image_spec_cleanup(&parent);
    rbd_snap_spec_cleanup(&snapshot);
  }
  return r != -ENOENT;
}

class RbdSnapshotStore final : public SnapshotStore {
 public:
  explicit RbdSnapshotStore(Pool pool) : pool_(std::move(pool)) {}

  std::string Spec(std::string_view image) const override { return pool_.Spec(image); }
  int64_t PoolId() const override { return rados_ioctx_get_id(pool_.get()); }
  const std::string& RadosNamespace() const override { return pool_.path().rados_namespace; }

  absl::StatusOr<std::vector<uint64_t>> SnapshotIds(const std::string& image_id) override;
  absl::StatusOr<std::vector<SnapshotInfo>> Snapshots(const std::string& image_id,
                                                      const std::vector<uint64_t>& ids) override;
  absl::StatusOr<std::string> ImageName(const std::string& image_id) override;
  absl::Status Create(const std::string& image_id, const std::string& snapshot) override;
  absl::Status Remove(const std::string& image_id, const std::string& snapshot) override;
  absl::Status RemoveById(const std::string& image_id, const SnapshotInfo& snapshot) override;
  absl::StatusOr<bool> RemoveStray(const std::string& image_id,
                                   const SnapshotInfo& member) override;
  absl::Status AttachParent(const std::string& child_id, const class_calls::Parent& parent,
                            uint64_t overlap_bytes) override;
  absl::Status AttachChild(const SnapshotRef& parent, const class_calls::Child& child) override;
  absl::StatusOr<std::vector<class_calls::Child>> Children(const SnapshotRef& parent) override;
  absl::StatusOr<std::string> Claim(const std::string& snapshot) override;
  absl::StatusOr<Written> ChangeClaim(const std::string& snapshot, const std::string& before,
                                      const std::string& after) override;
  absl::StatusOr<std::optional<class_calls::Parent>> ParentOf(const ImageAddress& image) override;
  absl::Status Mark(const ImageAddress& image, FlattenMark::Why why, absl::Time since) override;
  absl::StatusOr<std::optional<FlattenMark>> MarkOf(const ImageAddress& image) override;
  absl::StatusOr<std::vector<FlattenMark>> Marks() override;
  absl::Status ReplaceMark(const FlattenMark& mark) override;
  absl::Status Unmark(const std::string& image_id) override;
  absl::StatusOr<Taken> TakeFlattenTurn(const std::string& image_id) override;
  absl::Status EndFlattenTurn(const std::string& image_id) override;
  absl::Status Flatten(const std::string& image_id, FlattenProgress* progress) override;

 private:
  absl::Status CreateOpened(const Image& image, const std::string& image_id,
                            const std::string& snapshot);
  absl::Status RemoveOpened(const std::string& image_id, const std::string& name,
                            const std::function<int(rbd_image_t)>& remove);
  absl::Status CutTie(const std::string& image_id, uint64_t objects);
  std::string ById(std::string_view id) const { return SpecById(pool_, id); }
  std::string At(const std::string& image_id, const std::string& snapshot) const {
    return absl::StrCat(ById(image_id), "@", snapshot);
  }
  absl::StatusOr<std::vector<SnapshotInfo>> OneByOne(const std::string& image_id,
                                                     const std::vector<uint64_t>& ids);

  Pool pool_;
};

absl::StatusOr<std::vector<uint64_t>> RbdSnapshotStore::SnapshotIds(const std::string& image_id) {
  std::vector<uint64_t> ids;
  RETURN_IF_ERROR(Check(pool_, CephOperation::kSnapshotLook,
                        snapshot_header::ReadSnapshotIds(pool_, image_id, &ids), ById(image_id)));
  return ids;
}

absl::StatusOr<std::vector<SnapshotInfo>> RbdSnapshotStore::Snapshots(
    const std::string& image_id, const std::vector<uint64_t>& ids) {
  std::vector<SnapshotInfo> snapshots;
  if (ids.empty()) {
    return snapshots;
  }
  const int r = snapshot_header::ReadSnapshots(pool_, image_id, ids, &snapshots);
  if (r == -ENOENT) {
    return OneByOne(image_id, ids);
  }
  RETURN_IF_ERROR(Check(pool_, CephOperation::kSnapshotLook, r, ById(image_id)));
  return snapshots;
}

// One of them is gone, and a compound read fails as a whole.
absl::StatusOr<std::vector<SnapshotInfo>> RbdSnapshotStore::OneByOne(
    const std::string& image_id, const std::vector<uint64_t>& ids) {
  std::vector<SnapshotInfo> snapshots;
  for (const uint64_t id : ids) {
    const int r = snapshot_header::ReadSnapshots(pool_, image_id, {id}, &snapshots);
    if (r != -ENOENT) {
      RETURN_IF_ERROR(Check(pool_, CephOperation::kSnapshotLook, r, ById(image_id)));
    }
  }
  return snapshots;
}

absl::StatusOr<std::string> RbdSnapshotStore::ImageName(const std::string& image_id) {
  std::string name;
  const int r = snapshot_header::ReadDirectoryName(pool_, "rbd_directory", image_id, &name);
  if (r != -ENOENT) {
    RETURN_IF_ERROR(Check(pool_, CephOperation::kSnapshotLook, r, ById(image_id)));
  }
  return name;
}

absl::Status RbdSnapshotStore::Create(const std::string& image_id, const std::string& snapshot) {
  ASSIGN_OR_RETURN(const Image image, Image::OpenById(pool_, image_id, Image::Mode::kReadWrite,
                                                      CephOperation::kSnapshotCreate));
  if (!HasParent(image)) {
    return CreateOpened(image, image_id, snapshot);
  }
  const SnapLock lock = SnapLock::ToSnap(pool_, image_id, snapshot);
  RETURN_IF_ERROR(
      Check(pool_, CephOperation::kSnapshotCreate, lock.result(), At(image_id, snapshot)));
  return CreateOpened(image, image_id, snapshot);
}

absl::Status RbdSnapshotStore::CreateOpened(const Image& image, const std::string& image_id,
                                            const std::string& snapshot) {
  const Step step("create snapshot");
  // Quiescing is for librbd clients with a hook; asking for it makes every other watcher answer,
  // and a dead controller's watch costs 30 s then (measured).
  const int r = rbd_snap_create2(image.get(), snapshot.c_str(), RBD_SNAP_CREATE_SKIP_QUIESCE,
                                 IgnoreProgress, nullptr);
  return r == -EEXIST ? absl::OkStatus()
                      : Check(pool_, CephOperation::kSnapshotCreate, r, At(image_id, snapshot));
}

absl::Status RbdSnapshotStore::Remove(const std::string& image_id, const std::string& snapshot) {
  return RemoveOpened(image_id, snapshot, [&snapshot](rbd_image_t image) {
    return rbd_snap_remove(image, snapshot.c_str());
  });
}

absl::Status RbdSnapshotStore::RemoveById(const std::string& image_id,
                                          const SnapshotInfo& snapshot) {
  return RemoveOpened(image_id, snapshot.name, [&snapshot](rbd_image_t image) {
    return rbd_snap_remove_by_id(image, snapshot.id);
  });
}

absl::Status RbdSnapshotStore::RemoveOpened(const std::string& image_id, const std::string& name,
                                            const std::function<int(rbd_image_t)>& remove) {
  const auto image =
      Image::OpenById(pool_, image_id, Image::Mode::kReadWrite, CephOperation::kSnapshotRemove);
  if (absl::IsNotFound(image.status())) {
    return absl::OkStatus();  // it went with its image
  }
  RETURN_IF_ERROR(image.status());
  const Step step("remove snapshot");
  const int r = remove(image->get());
  return r == -ENOENT ? absl::OkStatus()
                      : Check(pool_, CephOperation::kSnapshotRemove, r, At(image_id, name));
}

absl::StatusOr<bool> RbdSnapshotStore::RemoveStray(const std::string& image_id,
                                                   const SnapshotInfo& member) {
  // librbd's name for it: ".group.POOL_GROUP_SNAPSHOT"
  const std::string snapshot = member.name.substr(member.name.rfind('_') + 1);
  ASSIGN_OR_RETURN(Pool home, pool_.Sibling(member.group_pool, RadosNamespace()));
  ReadOp op;
  op.Exec("rbd", "group_snap_get_by_id", class_calls::TextInput(snapshot));
  const int r = op.Run(home, class_calls::GroupHeaderObject(member.group_id));
  if (r != -ENOENT) {
    RETURN_IF_ERROR(Check(pool_, CephOperation::kGroupLook, r, ById(image_id)));
    return false;
  }
  RETURN_IF_ERROR(RemoveById(image_id, member));
  return true;
}

absl::Status RbdSnapshotStore::AttachParent(const std::string& child_id,
                                            const class_calls::Parent& parent,
                                            uint64_t overlap_bytes) {
  int r = 0;
  {
    const Step step("attach parent");
    r = snapshot_header::AttachParent(pool_, child_id, parent, overlap_bytes);
  }
  if (r == -EEXIST) {
    image_header::Header header;
    const int read = image_header::ReadHeader(pool_, child_id, &header);
    RETURN_IF_ERROR(Check(pool_, CephOperation::kClone, read, ById(child_id)));
    r = header.parent == parent ? 0 : -EEXIST;
  }
  return Check(pool_, CephOperation::kClone, r, ById(child_id));
}

absl::Status RbdSnapshotStore::AttachChild(const SnapshotRef& parent,
                                           const class_calls::Child& child) {
  const Step step("register clone");
  const int r = snapshot_header::AttachChild(pool_, parent.image_id, parent.snapshot, child);
  return r == -EEXIST ? absl::OkStatus()
                      : Check(pool_, CephOperation::kParent, r, ById(parent.image_id));
}

absl::StatusOr<std::vector<class_calls::Child>> RbdSnapshotStore::Children(
    const SnapshotRef& parent) {
  std::vector<class_calls::Child> children;
  const int r = snapshot_header::ReadChildren(pool_, parent.image_id, parent.snapshot, &children);
  if (r != -ENOENT) {
    RETURN_IF_ERROR(Check(pool_, CephOperation::kSnapshotLook, r, ById(parent.image_id)));
  }
  return children;
}

absl::StatusOr<std::string> RbdSnapshotStore::Claim(const std::string& snapshot) {
  std::string claim;
  RETURN_IF_ERROR(Check(pool_, CephOperation::kClaim,
                        snapshot_header::ReadClaim(pool_, snapshot, &claim), Spec(snapshot)));
  return claim;
}

absl::StatusOr<Written> RbdSnapshotStore::ChangeClaim(const std::string& snapshot,
                                                      const std::string& before,
                                                      const std::string& after) {
  const Step step(after.empty() ? "free the snapshot's name" : "claim the snapshot's name");
  const int r =
      snapshot_header::ChangeClaim(pool_, {.snapshot = snapshot, .before = before, .after = after});
  if (r == -ECANCELED) {
    return Written::kLost;
  }
  RETURN_IF_ERROR(Check(pool_, CephOperation::kClaim, r, Spec(snapshot)));
  return Written::kWritten;
}

absl::StatusOr<std::optional<class_calls::Parent>> RbdSnapshotStore::ParentOf(
    const ImageAddress& image) {
  ASSIGN_OR_RETURN(Pool pool, pool_.Sibling(image.pool, image.rados_namespace));
  image_header::Header header;
  RETURN_IF_ERROR(rbdcsi::Check(pool, CephOperation::kSnapshotLook,
                                image_header::ReadHeader(pool, image.image_id, &header),
                                SpecById(pool, image.image_id)));
  return header.parent;
}

absl::Status RbdSnapshotStore::Mark(const ImageAddress& image, FlattenMark::Why why,
                                    absl::Time since) {
  ASSIGN_OR_RETURN(Pool pool, pool_.Sibling(image.pool, image.rados_namespace));
  const Step step("mark for flattening");
  const int r = flatten_marks::Write(
      pool, {.image_id = image.image_id, .why = why, .since = since, .percent = 0},
      why == FlattenMark::Why::kChain);
  return r == -ECANCELED
             ? absl::OkStatus()
             : rbdcsi::Check(pool, CephOperation::kMark, r, SpecById(pool, image.image_id));
}

absl::StatusOr<std::optional<FlattenMark>> RbdSnapshotStore::MarkOf(const ImageAddress& image) {
  ASSIGN_OR_RETURN(Pool pool, pool_.Sibling(image.pool, image.rados_namespace));
  std::optional<FlattenMark> mark;
  RETURN_IF_ERROR(rbdcsi::Check(pool, CephOperation::kMark,
                                flatten_marks::ReadOne(pool, image.image_id, &mark),
                                SpecById(pool, image.image_id)));
  return mark;
}

absl::StatusOr<std::vector<FlattenMark>> RbdSnapshotStore::Marks() {
  std::vector<FlattenMark> marks;
  RETURN_IF_ERROR(Check(pool_, CephOperation::kMark, flatten_marks::Read(pool_, &marks),
                        pool_.path().ToString()));
  return marks;
}

absl::Status RbdSnapshotStore::ReplaceMark(const FlattenMark& mark) {
  const Step step("write how far the flattening is");
  return Check(pool_, CephOperation::kMark, flatten_marks::Write(pool_, mark, false),
               ById(mark.image_id));
}

absl::Status RbdSnapshotStore::Unmark(const std::string& image_id) {
  const Step step("remove the mark for flattening");
  return Check(pool_, CephOperation::kMark, flatten_marks::Remove(pool_, image_id), ById(image_id));
}

absl::StatusOr<Taken> RbdSnapshotStore::TakeFlattenTurn(const std::string& image_id) {
  const Step step("take a turn at flattening");
  const int r = image_header::TakeGuard(
      pool_, image_id,
      {.name = kFlattenLock, .cookie = "", .description = "", .lasts = kFlattenTurn});
  if (r == -EBUSY || r == -ENOENT) {
    return r == -EBUSY ? Taken::kHeld : Taken::kGone;
  }
  RETURN_IF_ERROR(Check(pool_, CephOperation::kFlatten, r, ById(image_id)));
  return Taken::kTaken;
}

absl::Status RbdSnapshotStore::EndFlattenTurn(const std::string& image_id) {
  const Step step("end the turn at flattening");
  class_calls::Locker self;
  self.client = pool_.cluster().instance();
  const int r = image_header::BreakLock(pool_, image_id, kFlattenLock, self);
  return r == -ENOENT ? absl::OkStatus() : Check(pool_, CephOperation::kFlatten, r, ById(image_id));
}

// In slices, between which snapshots can be taken.
absl::Status RbdSnapshotStore::Flatten(const std::string& image_id, FlattenProgress* progress) {
  int r = -EAGAIN;
  while (r == -EAGAIN) {
    {
      const ImageTurns::Turn turn = TakeTurn(pool_, image_id);
      const SnapLock lock = SnapLock::ToCopyUp(pool_, image_id, kSlice + kFlattenTurn);
      RETURN_IF_ERROR(Check(pool_, CephOperation::kFlatten, lock.result(), ById(image_id)));
      ASSIGN_OR_RETURN(Image image, Image::OpenInTurn(pool_, image_id, CephOperation::kFlatten));
      r = CopyUp(pool_, image, absl::Now() + kSlice, *progress);
    }
    absl::SleepFor(kBetweenSlices);
  }
  if (r == -EINTR) {
    return absl::CancelledError("stopped");
  }
  RETURN_IF_ERROR(Check(pool_, CephOperation::kFlatten, r, ById(image_id)));
  return CutTie(image_id, progress->objects);
}

// Nothing is left to copy but holes, which librbd looks at once more.
absl::Status RbdSnapshotStore::CutTie(const std::string& image_id, uint64_t objects) {
  ASSIGN_OR_RETURN(const auto turn, TakeTurnWithParent(pool_, image_id, CephOperation::kFlatten));
  const SnapLock lock =
      SnapLock::ToCopyUp(pool_, image_id, kFlattenTurn + static_cast<double>(objects) * kHole);
  RETURN_IF_ERROR(Check(pool_, CephOperation::kFlatten, lock.result(), ById(image_id)));
  ASSIGN_OR_RETURN(Image image, Image::OpenInTurn(pool_, image_id, CephOperation::kFlatten));
  const Step step("flatten image");
  const int r = rbd_flatten(image.get());
  // EINVAL: it has no parent any more.
  return r == -EINVAL ? absl::OkStatus() : Check(pool_, CephOperation::kFlatten, r, ById(image_id));
}

}  // namespace

std::unique_ptr<SnapshotStore> MakeRbdSnapshotStore(Pool pool) {
  return std::make_unique<RbdSnapshotStore>(std::move(pool));
}

}  // namespace rbdcsi
