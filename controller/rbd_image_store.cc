#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "controller/error_tables.h"
#include "controller/image_header.h"
#include "controller/image_store.h"
#include "controller/lost_locks.h"
#include "controller/node_table.h"
#include "controller/omap.h"
#include "controller/pool_errors.h"
#include "controller/rbd_features.h"
#include "controller/rbd_inspect.h"
#include "controller/rbd_purge.h"
#include "csi/step.h"
#include "csi/volume_id.h"

namespace rbdcsi {
namespace {

using class_calls::NameAndId;

int NoProgress(uint64_t, uint64_t, void*) { return 0; }

// Fast-diff's own flag is set with the map's, and alone while fast-diff is being switched on.
constexpr uint64_t kMapFlags = RBD_FLAG_OBJECT_MAP_INVALID | RBD_FLAG_FAST_DIFF_INVALID;

class RbdImageStore final : public ImageStore {
 public:
  explicit RbdImageStore(Pool pool) : pool_(std::move(pool)) {}

  std::string Spec(std::string_view image) const override { return pool_.Spec(image); }
  uint64_t OwnClient() const override { return pool_.cluster().instance(); }

  absl::StatusOr<Sight> Look(const std::string& image) override;
  absl::StatusOr<Sight> LookById(const std::string& id) override;
  std::vector<absl::StatusOr<Sight>> LookByIds(const std::vector<std::string>& ids,
                                               Detail detail) override;
  absl::StatusOr<std::string> IdOf(const std::string& image) override;
  absl::StatusOr<Made> Create(const std::string& image, const ImageSpec& spec) override;
  absl::StatusOr<Written> WriteFirstRecord(const std::string& id,
                                           const std::string& record) override;
  absl::StatusOr<Written> ReplaceRecord(const std::string& id, const std::string& before,
                                        const std::string& after) override;
  absl::StatusOr<Inspection> Inspect(const std::string& id) override {
    return InspectImage(pool_, id);
  }
  absl::Status Resize(const std::string& id, uint64_t size_bytes) override;
  absl::Status SwitchFeatures(const std::string& id, const FeatureSwitch& features) override {
    return SwitchImageFeatures(pool_, id, features);
  }

  absl::StatusOr<Taken> TakeGuard(const std::string& id, const GuardRequest& request) override;
  absl::StatusOr<Taken> ClaimWithoutRecord(const std::string& id,
                                           const GuardRequest& request) override;
  absl::Status BreakGuard(const std::string& id, const class_calls::Locker& locker) override;
  absl::StatusOr<Written> Detach(const Sight& sight, const Detachment& detachment) override;
  absl::Status ForgetLost(const std::string& id, const class_calls::Locker& lost) override;
  absl::StatusOr<std::vector<Watcher>> Watchers(const std::string& id) override;
  absl::Status Fence(const std::string& address, absl::Duration duration) override;

  absl::StatusOr<NodeVolumes> VolumesOfNode(const std::string& node) override;
  absl::StatusOr<Written> AddToNode(const std::string& node, const std::string& generation,
                                    const std::string& id) override;
  absl::Status RemoveFromNode(const std::string& node,
                              const std::vector<std::string>& ids) override;

  absl::Status MoveToTrash(const NameAndId& image, absl::Duration deferred) override;
  absl::Status ClearHeaderless(const NameAndId& image) override;
  absl::Status ClearDirectory(const std::string& image) override;

  absl::StatusOr<std::vector<ListedImage>> Names(const std::string& after, size_t limit) override;
  absl::StatusOr<std::vector<TrashedImage>> Trash() override;
  absl::Status FinishTrash(const TrashedImage& image) override;
  absl::Status Purge(const TrashedImage& image) override { return PurgeImage(pool_, image); }

 private:
  std::string ById(std::string_view id) const { return SpecById(pool_, id); }
  absl::Status Fail(CephOperation operation, int error, std::string_view object) {
    return rbdcsi::Fail(pool_, operation, error, object);
  }
  absl::Status Check(CephOperation operation, int result, std::string_view object) {
    return rbdcsi::Check(pool_, operation, result, object);
  }
  absl::StatusOr<Sight> SightOf(int result, image_header::Header header, const std::string& id);
  absl::StatusOr<Taken> TakenFrom(int result, const std::string& id);

  Pool pool_;
};

absl::StatusOr<Sight> RbdImageStore::Look(const std::string& image) {
  image_header::Name name;
  const int r = image_header::ReadName(pool_, image, &name);
  if (r == -ENOENT) {
    return Sight{};
  }
  RETURN_IF_ERROR(Check(CephOperation::kLook, r, Spec(image)));
  ASSIGN_OR_RETURN(Sight sight, LookById(name.id));
  if (sight.state == Sight::State::kAbsent) {
    sight.state = Sight::State::kHeaderless;
  }
  sight.id = name.id;
  sight.name_changed = name.changed;
  return sight;
}

absl::StatusOr<Sight> RbdImageStore::SightOf(int result, image_header::Header header,
                                             const std::string& id) {
  Sight sight;
  if (result == -ENOENT) {
    return sight;
  }
  RETURN_IF_ERROR(Check(CephOperation::kLook, result, ById(id)));
  sight.state = Sight::State::kPresent;
  sight.id = id;
  sight.header_changed = header.changed;
  sight.version = header.version;
  sight.size_bytes = header.size;
  sight.features = header.features;
  sight.map_invalid = (header.flags & kMapFlags) != 0;
  sight.record = std::move(header.record);
  sight.guard = std::move(header.guard);
  sight.owner = std::move(header.owner);
  sight.lost = std::move(header.lost);
  sight.snapshots = std::move(header.snapshots);
  sight.parent = std::move(header.parent);
  sight.watchers = std::move(header.watchers);
  return sight;
}

absl::StatusOr<Sight> RbdImageStore::LookById(const std::string& id) {
  image_header::Header header;
  const int r = image_header::ReadHeader(pool_, id, &header);
  return SightOf(r, std::move(header), id);
}

std::vector<absl::StatusOr<Sight>> RbdImageStore::LookByIds(const std::vector<std::string>& ids,
                                                            Detail detail) {
  std::vector<image_header::HeaderRead> headers = image_header::ReadHeaders(pool_, ids, detail);
  std::vector<absl::StatusOr<Sight>> sights;
  sights.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    sights.push_back(SightOf(headers[i].result, std::move(headers[i].header), ids[i]));
  }
  return sights;
}

absl::StatusOr<std::string> RbdImageStore::IdOf(const std::string& image) {
  image_header::Name name;
  const int r = image_header::ReadName(pool_, image, &name);
  if (r != -ENOENT) {
    RETURN_IF_ERROR(Check(CephOperation::kLook, r, Spec(image)));
  }
  return name.id;
}

absl::StatusOr<Made> RbdImageStore::Create(const std::string& image, const ImageSpec& spec) {
  ImageOptions options;
  rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_FORMAT, 2);
  rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_FEATURES, spec.features);
  rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_ORDER, spec.order);
  if (spec.stripe_unit != 0) {
    rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_STRIPE_UNIT, spec.stripe_unit);
    rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_STRIPE_COUNT, spec.stripe_count);
  }
  if (!spec.data_pool.empty()) {
    if (!pool_.cluster().HasPool(spec.data_pool)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "create image ", Spec(image), ": dataPool ", spec.data_pool,
          " does not exist (make it with `ceph osd pool create ", spec.data_pool, "`)"));
    }
    rbd_image_options_set_string(options.get(), RBD_IMAGE_OPTION_DATA_POOL, spec.data_pool.c_str());
  }
  ASSIGN_OR_RETURN(const Pool pool, pool_.WithoutWaitingForSpace());
  const Step step("create image");
  const int r = rbd_create4(pool.get(), image.c_str(), spec.size_bytes, options.get());
  if (r == -EEXIST) {
    return Made::kExists;
  }
  RETURN_IF_ERROR(Check(CephOperation::kCreate, r, Spec(image)));
  return Made::kMade;
}

absl::StatusOr<Written> RbdImageStore::WriteFirstRecord(const std::string& id,
                                                        const std::string& record) {
  const Step step("write record");
  const int r = image_header::WriteFirstRecord(pool_, id, record);
  if (r == -ECANCELED || r == -ENOENT) {
    return Written::kLost;
  }
  RETURN_IF_ERROR(Check(CephOperation::kRecord, r, ById(id)));
  return Written::kWritten;
}

absl::StatusOr<Written> RbdImageStore::ReplaceRecord(const std::string& id,
                                                     const std::string& before,
                                                     const std::string& after) {
  const Step step("replace record");
  const int r = image_header::ReplaceRecord(pool_, id, {.before = before, .after = after});
  if (r == -ECANCELED || r == -ENOENT) {
    return Written::kLost;
  }
  RETURN_IF_ERROR(Check(CephOperation::kRecord, r, ById(id)));
  return Written::kWritten;
}

absl::Status RbdImageStore::Resize(const std::string& id, uint64_t size_bytes) {
  if (IsFull(pool_.cluster(), pool_.path().pool)) {
    return Fail(CephOperation::kResize, ENOSPC, ById(id));
  }
  ASSIGN_OR_RETURN(Image image,
                   Image::OpenById(pool_, id, Image::Mode::kReadWrite, CephOperation::kResize));
  uint64_t size = 0;
  RETURN_IF_ERROR(Check(CephOperation::kResize, rbd_get_size(image.get(), &size), ById(id)));
  if (size < size_bytes) {
    const Step step("resize image");
    RETURN_IF_ERROR(Check(CephOperation::kResize,
                          rbd_resize2(image.get(), size_bytes, false, nullptr, nullptr), ById(id)));
  }
  // When the object map's own resize fails, librbd marks it invalid and goes on; krbd then refuses
  // to use the image, because map and size do not match.
  // Asking librbd for the flags would make it refresh the image first, 5 operations for 1.
  ASSIGN_OR_RETURN(const Sight sight, LookById(id));
  if (!sight.map_invalid) {
    image.NoteWatchers(sight.watchers);
    return absl::OkStatus();
  }
  const Step step("rebuild object map");
  return Check(CephOperation::kResize, rbd_rebuild_object_map(image.get(), NoProgress, nullptr),
               ById(id));
}

absl::StatusOr<Taken> RbdImageStore::TakenFrom(int result, const std::string& id) {
  switch (result) {
    case 0:
      return Taken::kTaken;
    case -EEXIST:
      return Taken::kHeldByUs;
    case -EBUSY:
    case -ECANCELED:
      return Taken::kHeld;
    case -ENOENT:
      return Taken::kGone;
    default:
      return Fail(CephOperation::kGuard, -result, ById(id));
  }
}

absl::StatusOr<Taken> RbdImageStore::TakeGuard(const std::string& id, const GuardRequest& request) {
  const Step step("take guard");
  return TakenFrom(image_header::TakeGuard(pool_, id,
                                           {.name = image_header::kGuardLock,
                                            .type = request.type,
                                            .cookie = request.cookie,
                                            .description = request.description,
                                            .lasts = request.lasts}),
                   id);
}

absl::StatusOr<Taken> RbdImageStore::ClaimWithoutRecord(const std::string& id,
                                                        const GuardRequest& request) {
  const Step step("claim half-made image");
  return TakenFrom(image_header::TakeGuardWithoutRecord(pool_, id,
                                                        {.name = image_header::kGuardLock,
                                                         .type = request.type,
                                                         .cookie = request.cookie,
                                                         .description = request.description}),
                   id);
}

absl::Status RbdImageStore::BreakGuard(const std::string& id, const class_calls::Locker& locker) {
  const Step step("release guard");
  const int r = image_header::BreakLock(pool_, id, image_header::kGuardLock, locker);
  return r == -ENOENT ? absl::OkStatus() : Check(CephOperation::kGuard, r, ById(id));
}

absl::StatusOr<Written> RbdImageStore::Detach(const Sight& sight, const Detachment& detachment) {
  std::vector<image_header::LockHeld> held;
  const auto add = [&held](const char* lock, const std::optional<class_calls::Locker>& locker) {
    if (locker.has_value()) {
      held.push_back({lock, *locker});
    }
  };
  add(image_header::kGuardLock, detachment.guard);
  add(image_header::kOwnerLock, detachment.owner);
  add(lost_locks::kLock, detachment.lost);
  const Step step("release guard");
  const int r = image_header::BreakLocks(pool_, sight.id, sight.version, held);
  if (r == -ERANGE || r == -ENOENT) {
    return Written::kLost;
  }
  RETURN_IF_ERROR(Check(CephOperation::kGuard, r, ById(sight.id)));
  return Written::kWritten;
}

absl::Status RbdImageStore::ForgetLost(const std::string& id, const class_calls::Locker& lost) {
  const Step step("forget a lost lock");
  const int r = image_header::BreakLock(pool_, id, lost_locks::kLock, lost);
  return r == -ENOENT ? absl::OkStatus() : Check(CephOperation::kGuard, r, ById(id));
}

absl::StatusOr<std::vector<Watcher>> RbdImageStore::Watchers(const std::string& id) {
  std::vector<Watcher> watchers;
  const int r = ListWatchers(pool_.get(), class_calls::HeaderObject(id), &watchers);
  RETURN_IF_ERROR(Check(CephOperation::kWatchers, r == -ENOENT ? 0 : r, ById(id)));
  return watchers;
}

absl::Status RbdImageStore::Fence(const std::string& address, absl::Duration duration) {
  const Step step("fence client");
  std::string text = address;  // the C API takes a pointer to non-const
  rados_t rados = pool_.cluster().get();
  const int r = rados_blocklist_add(rados, text.data(),
                                    static_cast<uint32_t>(absl::ToInt64Seconds(duration)));
  RETURN_IF_ERROR(Check(CephOperation::kFence, r, address));
  // Operations of ours carry the map's epoch, so an OSD that sees the next one knows the fence.
  return Check(CephOperation::kFence, rados_wait_for_latest_osdmap(rados), address);
}

absl::StatusOr<NodeVolumes> RbdImageStore::VolumesOfNode(const std::string& node) {
  NodeVolumes volumes;
  RETURN_IF_ERROR(Check(CephOperation::kNodeTable, node_table::Read(pool_, node, &volumes), node));
  return volumes;
}

absl::StatusOr<Written> RbdImageStore::AddToNode(const std::string& node,
                                                 const std::string& generation,
                                                 const std::string& id) {
  const Step step("count the volume for its node");
  const int r = node_table::Add(pool_, node, {.generation = generation, .id = id});
  if (r == -ECANCELED) {
    return Written::kLost;
  }
  RETURN_IF_ERROR(Check(CephOperation::kNodeTable, r, node));
  return Written::kWritten;
}

absl::Status RbdImageStore::RemoveFromNode(const std::string& node,
                                           const std::vector<std::string>& ids) {
  const Step step("count the volume for its node no more");
  return Check(CephOperation::kNodeTable, node_table::Remove(pool_, node, ids), node);
}

absl::Status RbdImageStore::MoveToTrash(const NameAndId& image, absl::Duration deferred) {
  const std::string id(image.id);
  const int mirrored = image_header::IsMirrored(pool_, id);
  RETURN_IF_ERROR(Check(CephOperation::kTrash, mirrored, Spec(image.name)));
  if (mirrored == 1) {
    const Step step("move mirrored image to trash");
    const int r = rbd_trash_move(pool_.get(), std::string(image.name).c_str(),
                                 static_cast<uint64_t>(absl::ToInt64Seconds(deferred)));
    return r == -ENOENT ? absl::OkStatus() : Check(CephOperation::kTrash, r, Spec(image.name));
  }
  const absl::Time now = absl::Now();
  {
    const Step step("add to trash");
    const int r = image_header::AddToTrash(
        pool_,
        {.id = image.id, .name = image.name, .deleted = now, .deferred_until = now + deferred});
    RETURN_IF_ERROR(Check(CephOperation::kTrash, r, Spec(image.name)));
  }
  {
    const Step step("remove from directory");
    RETURN_IF_ERROR(Check(CephOperation::kTrash, image_header::RemoveFromDirectory(pool_, image),
                          Spec(image.name)));
  }
  const Step step("free the name");
  return Check(CephOperation::kTrash, image_header::RemoveName(pool_, image), Spec(image.name));
}

absl::Status RbdImageStore::ClearHeaderless(const NameAndId& image) {
  {
    const Step step("remove orphaned object map");
    RETURN_IF_ERROR(Check(CephOperation::kRepair,
                          image_header::RemoveObjectMap(pool_, std::string(image.id)),
                          Spec(image.name)));
  }
  {
    const Step step("remove from directory");
    RETURN_IF_ERROR(Check(CephOperation::kRepair, image_header::RemoveFromDirectory(pool_, image),
                          Spec(image.name)));
  }
  const Step step("free the name");
  return Check(CephOperation::kRepair, image_header::RemoveName(pool_, image), Spec(image.name));
}

absl::Status RbdImageStore::ClearDirectory(const std::string& image) {
  std::string id;
  int r = image_header::ReadDirectoryId(pool_, image, &id);
  if (r == -ENOENT) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(Check(CephOperation::kRepair, r, Spec(image)));
  r = image_header::Exists(pool_, class_calls::HeaderObject(id));
  if (r != -ENOENT) {
    RETURN_IF_ERROR(Check(CephOperation::kRepair, r, Spec(image)));
    return absl::AbortedError(absl::StrCat(
        "create image ", Spec(image), ": the pool's directory still leads to image id ", id,
        " (it is being renamed, moved or removed; if this lasts, `rbd rm ", Spec(image), "`)"));
  }
  const Step step("remove from directory");
  return Check(CephOperation::kRepair,
               image_header::RemoveFromDirectory(pool_, {.name = image, .id = id}), Spec(image));
}

absl::StatusOr<std::vector<ListedImage>> RbdImageStore::Names(const std::string& after,
                                                              size_t limit) {
  std::vector<ListedImage> names;
  const int r = image_header::ReadDirectory(pool_,
                                            {.prefix = std::string(kImagePrefix),
                                             .after = after,
                                             .limit = std::min(limit, omap::kMostPerRead)},
                                            [&](std::string_view name, std::string_view id) {
                                              names.push_back({std::string(name), std::string(id)});
                                            });
  if (r == -ENOENT) {
    return names;  // a pool in which no image was ever made
  }
  RETURN_IF_ERROR(Check(CephOperation::kList, r, pool_.path().ToString()));
  return names;
}

absl::StatusOr<std::vector<TrashedImage>> RbdImageStore::Trash() {
  std::vector<rbd_trash_image_info_t> entries(64);
  size_t count = entries.size();
  int r = rbd_trash_list(pool_.get(), entries.data(), &count);
  while (r == -ERANGE) {
    entries.resize(count);
    r = rbd_trash_list(pool_.get(), entries.data(), &count);
  }
  if (r == -ENOENT) {
    return std::vector<TrashedImage>();
  }
  RETURN_IF_ERROR(Check(CephOperation::kList, r, pool_.path().ToString()));
  std::vector<TrashedImage> trash;
  for (size_t i = 0; i < count; ++i) {
    trash.push_back({entries[i].id, entries[i].name,
                     entries[i].source == RBD_TRASH_IMAGE_SOURCE_USER,
                     absl::FromTimeT(entries[i].deferment_end_time)});
  }
  rbd_trash_list_cleanup(entries.data(), count);
  return trash;
}

absl::Status RbdImageStore::FinishTrash(const TrashedImage& image) {
  ASSIGN_OR_RETURN(const Sight sight, LookById(image.id));
  for (const class_calls::Locker& locker : sight.guard.lockers) {
    if (locker.cookie != kDeleting) {
      continue;
    }
    // It may have been restored since the trash was listed.
    const int in_trash = image_header::IsInTrash(pool_, image.id);
    RETURN_IF_ERROR(Check(CephOperation::kPurge, in_trash, Spec(image.name)));
    if (in_trash == 1) {
      RETURN_IF_ERROR(FreeName(pool_, image));
      RETURN_IF_ERROR(BreakGuard(image.id, locker));
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool IsOurs(const TrashedImage& image) {
  return image.by_user && absl::StartsWith(image.name, Sv(kImagePrefix));
}

std::unique_ptr<ImageStore> MakeRbdImageStore(Pool pool) {
  return std::make_unique<RbdImageStore>(std::move(pool));
}

}  // namespace rbdcsi
