#include <cerrno>
#include <ctime>
#include <list>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "controller/class_calls.h"
#include "controller/error_tables.h"
#include "controller/group_store.h"
#include "controller/lost_locks.h"
#include "controller/pool_errors.h"
#include "controller/snap_lock.h"
#include "controller/snapshot_header.h"
#include "csi/status.h"
#include "csi/step.h"

namespace rbdcsi {
namespace {

constexpr uint64_t kAll = 1U << 16;

// An image that is not flattened while it lives.
struct LockedImage {
  LockedImage(Pool in, const std::string& id, const std::string& group)
      : pool(std::move(in)), lock(SnapLock::ToSnap(pool, id, group)) {}
  Pool pool;
  SnapLock lock;
};

class RbdGroupStore final : public GroupStore {
 public:
  explicit RbdGroupStore(Pool pool) : pool_(std::move(pool)) {}

  std::string Spec(std::string_view group) const override { return pool_.Spec(group); }

  absl::StatusOr<std::vector<std::string>> Names() override;
  absl::StatusOr<GroupSight> Look(const std::string& group) override;
  absl::StatusOr<std::string> NameOf(const std::string& group_id) override;
  absl::StatusOr<std::string> PoolName(int64_t pool) override;
  absl::StatusOr<class_calls::GroupRef> GroupOf(int64_t pool, const std::string& image_id) override;

  absl::Status Create(const std::string& group) override;
  absl::StatusOr<Joined> AddImage(const std::string& group, int64_t pool,
                                  const std::string& image) override;
  absl::Status RemoveImage(const std::string& group, const GroupSight& sight,
                           const GroupImage& image) override;
  absl::Status CreateSnapshot(const std::string& group, const GroupSight& sight,
                              const std::string& snapshot) override;
  absl::Status RenameSnapshot(const std::string& group, const std::string& before,
                              const std::string& after) override;
  absl::Status RemoveSnapshot(const std::string& group, const GroupSight& sight,
                              const GroupSnapshot& snapshot) override;
  absl::Status Remove(const std::string& group) override;

 private:
  absl::Status Check(CephOperation operation, int result, std::string_view object) {
    return rbdcsi::Check(pool_, operation, result, object);
  }
  std::string At(const std::string& group, const std::string& snapshot) const {
    return absl::StrCat(Spec(group), "@", snapshot);
  }
  absl::StatusOr<Pool> Beside(int64_t pool) const {
    return pool_.Sibling(pool, pool_.path().rados_namespace);
  }
  // librbd opens all images of a group at once. `images`: GroupImages or GroupMembers.
  template <class Images>
  absl::StatusOr<ImageTurns::Turn> TakeTurns(const Images& images) const;
  absl::Status ReadHeader(const std::string& group, GroupSight& sight);
  absl::Status RemoveMember(const GroupMember& member, const std::string& group_snapshot);
  absl::Status RemoveRecord(const std::string& group, const GroupSight& sight,
                            const GroupSnapshot& snapshot);

  Pool pool_;
};

absl::StatusOr<std::vector<std::string>> RbdGroupStore::Names() {
  std::string text(4096, '\0');
  size_t size = text.size() - 1;
  int r = rbd_group_list(pool_.get(), text.data(), &size);
  if (r == -ERANGE) {
    text.resize(size + 1);
    r = rbd_group_list(pool_.get(), text.data(), &size);
  }
  RETURN_IF_ERROR(Check(CephOperation::kGroupLook, r, pool_.path().ToString()));
  std::vector<std::string> names;
  for (size_t at = 0; at < size && text[at] != '\0'; at += names.back().size() + 1) {
    names.emplace_back(text.c_str() + at);
  }
  return names;
}

absl::StatusOr<GroupSight> RbdGroupStore::Look(const std::string& group) {
  GroupSight sight;
  ReadOp op;
  const size_t reply = op.Exec("rbd", "dir_get_id", class_calls::TextInput(group));
  const int r = op.Run(pool_, class_calls::kGroupDirectory);
  if (r == -ENOENT) {
    return sight;
  }
  RETURN_IF_ERROR(Check(CephOperation::kGroupLook, r, Spec(group)));
  const auto id = class_calls::DecodeText(op.reply(reply));
  if (!id.has_value()) {
    return Fail(pool_, CephOperation::kGroupLook, EIO, Spec(group));
  }
  sight.exists = true;
  sight.id = *id;
  RETURN_IF_ERROR(ReadHeader(group, sight));
  return sight;
}

absl::Status RbdGroupStore::ReadHeader(const std::string& group, GroupSight& sight) {
  ReadOp op;
  time_t changed = 0;
  int stat_result = 0;
  rados_read_op_stat(op.get(), nullptr, &changed, &stat_result);
  const size_t images = op.Exec("rbd", "group_image_list", class_calls::GroupImagesInput(kAll));
  const size_t snapshots =
      op.Exec("rbd", "group_snap_list", class_calls::GroupSnapshotsInput(kAll));
  const int r = op.Run(pool_, class_calls::GroupHeaderObject(sight.id));
  if (r == -ENOENT) {
    return absl::OkStatus();  // half made, or half removed
  }
  RETURN_IF_ERROR(Check(CephOperation::kGroupLook, r, Spec(group)));
  auto image_list = class_calls::DecodeGroupImages(op.reply(images));
  auto snapshot_list = class_calls::DecodeGroupSnapshots(op.reply(snapshots));
  if (!image_list.has_value() || !snapshot_list.has_value()) {
    return Fail(pool_, CephOperation::kGroupLook, EIO, Spec(group));
  }
  sight.changed = absl::FromTimeT(changed);
  sight.images = *std::move(image_list);
  sight.snapshots = *std::move(snapshot_list);
  return absl::OkStatus();
}

absl::StatusOr<std::string> RbdGroupStore::NameOf(const std::string& group_id) {
  std::string name;
  const int r =
      snapshot_header::ReadDirectoryName(pool_, class_calls::kGroupDirectory, group_id, &name);
  if (r != -ENOENT) {
    RETURN_IF_ERROR(Check(CephOperation::kGroupLook, r, SpecById(pool_, group_id)));
  }
  return name;
}

absl::StatusOr<std::string> RbdGroupStore::PoolName(int64_t pool) {
  ASSIGN_OR_RETURN(const Pool opened, Beside(pool));
  return opened.path().pool;
}

absl::StatusOr<class_calls::GroupRef> RbdGroupStore::GroupOf(int64_t pool,
                                                             const std::string& image_id) {
  ASSIGN_OR_RETURN(Pool opened, Beside(pool));
  ReadOp op;
  const size_t reply = op.Exec("rbd", "image_group_get", "");
  const int r = op.Run(opened, class_calls::HeaderObject(image_id));
  if (r == -ENOENT) {
    return class_calls::GroupRef();
  }
  const std::string spec = SpecById(opened, image_id);
  RETURN_IF_ERROR(rbdcsi::Check(opened, CephOperation::kGroupLook, r, spec));
  auto group = class_calls::DecodeGroupRef(op.reply(reply));
  return group.has_value() ? absl::StatusOr<class_calls::GroupRef>(*std::move(group))
                           : Fail(opened, CephOperation::kGroupLook, EIO, spec);
}

absl::Status RbdGroupStore::Create(const std::string& group) {
  const Step step("create group");
  const int r = rbd_group_create(pool_.get(), group.c_str());
  return r == -EEXIST ? absl::OkStatus() : Check(CephOperation::kGroupChange, r, Spec(group));
}

absl::StatusOr<Joined> RbdGroupStore::AddImage(const std::string& group, int64_t pool,
                                               const std::string& image) {
  ASSIGN_OR_RETURN(const Pool opened, Beside(pool));
  const Step step("add image to group");
  const int r = rbd_group_image_add(pool_.get(), group.c_str(), opened.get(), image.c_str());
  if (r == -EEXIST) {
    return Joined::kInOtherGroup;
  }
  RETURN_IF_ERROR(Check(CephOperation::kGroupChange, r, Spec(group)));
  return Joined::kJoined;
}

absl::Status RbdGroupStore::RemoveImage(const std::string& group, const GroupSight& sight,
                                        const GroupImage& image) {
  ASSIGN_OR_RETURN(const Pool opened, Beside(image.pool));
  const Step step("remove image from group");
  int r = rbd_group_image_remove_by_id(pool_.get(), group.c_str(), opened.get(),
                                       image.image_id.c_str());
  if (r == -EBADF) {
    // It is in another group: adding it to this one was cut short before it could be refused.
    r = WriteOp()
            .Exec("rbd", "group_image_remove",
                  class_calls::GroupImageInput(image.pool, image.image_id))
            .Run(pool_, class_calls::GroupHeaderObject(sight.id), true);
  }
  return r == -ENOENT ? absl::OkStatus() : Check(CephOperation::kGroupChange, r, Spec(group));
}

template <class Images>
absl::StatusOr<ImageTurns::Turn> RbdGroupStore::TakeTurns(const Images& images) const {
  std::vector<std::string> specs;
  for (const auto& image : images) {
    ASSIGN_OR_RETURN(const Pool pool, Beside(image.pool));
    specs.push_back(SpecById(pool, image.image_id));
  }
  return pool_.cluster().turns().Take(std::move(specs));
}

absl::Status RbdGroupStore::CreateSnapshot(const std::string& group, const GroupSight& sight,
                                           const std::string& snapshot) {
  ASSIGN_OR_RETURN(const auto turn, TakeTurns(sight.images));
  std::list<LockedImage> locked;
  for (const GroupImage& image : sight.images) {
    ASSIGN_OR_RETURN(Pool pool, Beside(image.pool));
    const LockedImage& added = locked.emplace_back(std::move(pool), image.image_id, group);
    RETURN_IF_ERROR(
        Check(CephOperation::kGroupSnapshotCreate, added.lock.result(), At(group, snapshot)));
    RETURN_IF_ERROR(Check(CephOperation::kGroupSnapshotCreate,
                          lost_locks::Note(locked.back().pool, image.image_id),
                          At(group, snapshot)));
  }
  const Step step("create group snapshot");
  // Without the round of quiescing, for the reason that single snapshots have (rbd_snapshot_store).
  const int r = rbd_group_snap_create2(pool_.get(), group.c_str(), snapshot.c_str(),
                                       RBD_SNAP_CREATE_SKIP_QUIESCE);
  return Check(CephOperation::kGroupSnapshotCreate, r, At(group, snapshot));
}

absl::Status RbdGroupStore::RenameSnapshot(const std::string& group, const std::string& before,
                                           const std::string& after) {
  const Step step("rename group snapshot");
  const int r = rbd_group_snap_rename(pool_.get(), group.c_str(), before.c_str(), after.c_str());
  return Check(CephOperation::kGroupChange, r, At(group, before));
}

absl::Status RbdGroupStore::RemoveSnapshot(const std::string& group, const GroupSight& sight,
                                           const GroupSnapshot& snapshot) {
  int r = 0;
  {
    ASSIGN_OR_RETURN(const auto turn, TakeTurns(snapshot.members));
    const Step step("remove group snapshot");
    r = rbd_group_snap_remove(pool_.get(), group.c_str(), snapshot.name.c_str());
  }
  // librbd gives up when a member's image is gone, which the others must not suffer for.
  return r == -ENOENT ? RemoveRecord(group, sight, snapshot)
                      : Check(CephOperation::kGroupSnapshotRemove, r, At(group, snapshot.name));
}

absl::Status RbdGroupStore::RemoveMember(const GroupMember& member,
                                         const std::string& group_snapshot) {
  ASSIGN_OR_RETURN(Pool pool, Beside(member.pool));
  std::vector<uint64_t> ids;
  std::vector<class_calls::SnapshotInfo> snapshots;
  int r = snapshot_header::ReadSnapshotIds(pool, member.image_id, &ids);
  if (r == -ENOENT || (r == 0 && ids.empty())) {
    return absl::OkStatus();
  }
  if (r == 0) {
    r = snapshot_header::ReadSnapshots(pool, member.image_id, ids, &snapshots);
  }
  const std::string spec = SpecById(pool, member.image_id);
  RETURN_IF_ERROR(rbdcsi::Check(pool, CephOperation::kSnapshotLook, r, spec));
  for (const class_calls::SnapshotInfo& snapshot : snapshots) {
    if (snapshot.name_space == class_calls::SnapshotNamespace::kGroup &&
        absl::EndsWith(snapshot.name, absl::StrCat("_", group_snapshot))) {
      ASSIGN_OR_RETURN(const Image image,
                       Image::OpenById(pool, member.image_id, Image::Mode::kReadWrite,
                                       CephOperation::kGroupSnapshotRemove));
      r = rbd_snap_remove_by_id(image.get(), snapshot.id);
      RETURN_IF_ERROR(rbdcsi::Check(pool, CephOperation::kGroupSnapshotRemove, r, spec));
    }
  }
  return absl::OkStatus();
}

absl::Status RbdGroupStore::RemoveRecord(const std::string& group, const GroupSight& sight,
                                         const GroupSnapshot& snapshot) {
  for (const GroupMember& member : snapshot.members) {
    RETURN_IF_ERROR(RemoveMember(member, snapshot.id));
  }
  const int r = WriteOp()
                    .Exec("rbd", "group_snap_remove", class_calls::TextInput(snapshot.id))
                    .Run(pool_, class_calls::GroupHeaderObject(sight.id), true);
  return r == -ENOENT ? absl::OkStatus()
                      : Check(CephOperation::kGroupSnapshotRemove, r, At(group, snapshot.name));
}

absl::Status RbdGroupStore::Remove(const std::string& group) {
  const Step step("remove group");
  const int r = rbd_group_remove(pool_.get(), group.c_str());
  return r == -ENOENT ? absl::OkStatus() : Check(CephOperation::kGroupChange, r, Spec(group));
}

}  // namespace

std::unique_ptr<GroupStore> MakeRbdGroupStore(Pool pool) {
  return std::make_unique<RbdGroupStore>(std::move(pool));
}

}  // namespace rbdcsi
