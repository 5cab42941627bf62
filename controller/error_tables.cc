#include "controller/error_tables.h"

#include <array>
#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace rbdcsi {
namespace {

using absl::StatusCode;

constexpr std::array kEverywhere = {
    ErrnoRule{EPERM, StatusCode::kPermissionDenied,
              "give the Ceph user the caps mon 'profile rbd' osd 'profile rbd pool=POOL'"},
    ErrnoRule{EACCES, StatusCode::kPermissionDenied,
              "give the Ceph user the caps mon 'profile rbd' osd 'profile rbd pool=POOL'"},
    ErrnoRule{ETIMEDOUT, StatusCode::kUnavailable,
              "the cluster did not answer in time: look at `ceph -s`"},
    ErrnoRule{ESHUTDOWN, StatusCode::kUnavailable,
              "this controller's connection was blocklisted; the next call makes a new one"},
    ErrnoRule{ENOTCONN, StatusCode::kUnavailable,
              "this controller's connection has ended; the next call makes a new one"},
    ErrnoRule{ENOSPC, StatusCode::kResourceExhausted, "the pool or the cluster is full"},
    ErrnoRule{EDQUOT, StatusCode::kResourceExhausted, "the pool's quota is used up"},
};

template <size_t N>
constexpr std::array<ErrnoRule, N + kEverywhere.size()> WithCommon(const ErrnoRule (&own)[N]) {
  std::array<ErrnoRule, N + kEverywhere.size()> all{};
  for (size_t i = 0; i < N; ++i) {
    all[i] = own[i];
  }
  for (size_t i = 0; i < kEverywhere.size(); ++i) {
    all[N + i] = kEverywhere[i];
  }
  return all;
}

template <size_t N>
constexpr ErrnoTable Table(const char* operation, const std::array<ErrnoRule, N>& rules) {
  return {operation, rules.data(), rules.size()};
}

constexpr std::array kConnectRules = {
    ErrnoRule{EPERM, StatusCode::kUnauthenticated,
              "check userID and userKey with `ceph auth get client.USER`"},
    ErrnoRule{EACCES, StatusCode::kUnauthenticated,
              "check userID and userKey with `ceph auth get client.USER`"},
    ErrnoRule{ETIMEDOUT, StatusCode::kUnavailable,
              "no monitor answered: check the addresses in the clusters file and the network"},
    ErrnoRule{ENOENT, StatusCode::kUnavailable,
              "no monitor address could be resolved: check the clusters file and DNS"},
    ErrnoRule{EINVAL, StatusCode::kUnauthenticated, "the key or a monitor address is malformed"},
};
constexpr auto kOpenPoolRules = WithCommon({
    {ENOENT, StatusCode::kNotFound,
     "make it with `ceph osd pool create POOL`, `rbd pool init POOL`"},
});
constexpr auto kLookRules = WithCommon({
    {ENOENT, StatusCode::kNotFound, ""},
    {EIO, StatusCode::kUnavailable, "the header's content is not understood"},
});
constexpr auto kCreateRules = WithCommon({
    {ENOENT, StatusCode::kInvalidArgument,
     "the RADOS namespace does not exist: make it with `rbd namespace create`"},
    // Features and striping are checked before, so what Ceph still refuses is the number of
    // objects.
    {EINVAL, StatusCode::kOutOfRange,
     "Ceph refuses this many objects: with object-map an image has at most 256,000,000; ask for "
     "less or for a larger objectSize"},
    {ENOSYS, StatusCode::kInvalidArgument, "the cluster does not know one of the image features"},
    {EOPNOTSUPP, StatusCode::kInvalidArgument,
     "the pool cannot hold image headers: an erasure-coded pool belongs in dataPool"},
    {EDOM, StatusCode::kInvalidArgument, "object size or striping is out of range"},
    {EFBIG, StatusCode::kOutOfRange, "ask for a smaller volume"},
});
constexpr auto kRecordRules = WithCommon({
    {ECANCELED, StatusCode::kAborted, "another controller was faster"},
    {ENOENT, StatusCode::kAborted, "the image was removed meanwhile"},
});
constexpr auto kGuardRules = WithCommon({
    {EBUSY, StatusCode::kFailedPrecondition, "held by another node"},
    {EEXIST, StatusCode::kAlreadyExists, "held by this controller"},
    {ENOENT, StatusCode::kNotFound, "the image was removed meanwhile"},
});
constexpr auto kWatchersRules = WithCommon({
    {ENOENT, StatusCode::kNotFound, ""},
});
constexpr std::array kFenceRules = {
    ErrnoRule{EPERM, StatusCode::kPermissionDenied,
              "give the Ceph user the cap mon 'profile rbd', which allows `osd blocklist`"},
    ErrnoRule{EACCES, StatusCode::kPermissionDenied,
              "give the Ceph user the cap mon 'profile rbd', which allows `osd blocklist`"},
    ErrnoRule{ETIMEDOUT, StatusCode::kUnavailable, "the monitors did not answer in time"},
    ErrnoRule{EINVAL, StatusCode::kInternal, "the client's address was not understood"},
};
constexpr auto kTrashRules = WithCommon({
    {EBUSY, StatusCode::kFailedPrecondition, "the image is in use"},
    {ESTALE, StatusCode::kAborted, "the pool's directory changed meanwhile"},
    {EEXIST, StatusCode::kAborted, "already in the trash"},
});
constexpr auto kRepairRules = WithCommon({
    {ESTALE, StatusCode::kAborted, "the pool's directory changed meanwhile"},
});
constexpr auto kInspectRules = WithCommon({
    {ENOENT, StatusCode::kAborted, "the image is being made or removed"},
});
constexpr ErrnoRule kLockedExclusively = {
    EROFS, StatusCode::kUnavailable,
    "a client holds an image's exclusive lock and does not give it up: do not map with the option "
    "`exclusive`"};
constexpr auto kResizeRules = WithCommon({
    {ENOENT, StatusCode::kNotFound, "the image was removed meanwhile"},
    kLockedExclusively,
    {EBUSY, StatusCode::kUnavailable, "the image is locked by another operation"},
    {EINVAL, StatusCode::kOutOfRange, "Ceph refuses this size"},
    {EFBIG, StatusCode::kOutOfRange, "ask for a smaller volume"},
});
constexpr auto kListRules = WithCommon({
    {ENOENT, StatusCode::kNotFound, ""},
});
constexpr auto kPurgeRules = WithCommon({
    {EBUSY, StatusCode::kUnavailable, "a client still watches the image; tried again later"},
    {ENOTEMPTY, StatusCode::kUnavailable, "snapshots or clones still live; tried again later"},
    {ESTALE, StatusCode::kUnavailable, "another client is removing it"},
});
constexpr auto kMonitorRules = WithCommon({
    {EINVAL, StatusCode::kUnavailable, "the monitors do not know this command"},
});
constexpr auto kFeaturesRules = WithCommon({
    {ENOENT, StatusCode::kNotFound, "the image was removed meanwhile"},
    {EROFS, StatusCode::kUnavailable,
     "a client holds the image's exclusive lock and does not give it up: detach the volume"},
    {EBUSY, StatusCode::kUnavailable, "the image is locked by another operation"},
    {EINVAL, StatusCode::kUnavailable, "somebody else switches its features as well"},
});
constexpr auto kNodeTableRules = WithCommon({
    {EIO, StatusCode::kUnavailable, "the table's content is not understood"},
});
constexpr auto kSnapshotLookRules = WithCommon({
    {ENOENT, StatusCode::kNotFound, ""},
    {EIO, StatusCode::kUnavailable, "the header's content is not understood"},
});
constexpr auto kSnapshotCreateRules = WithCommon({
    {ENOENT, StatusCode::kNotFound, "the image was removed meanwhile"},
    kLockedExclusively,
    {EBUSY, StatusCode::kUnavailable, "the image is locked by another operation"},
    {EINVAL, StatusCode::kInvalidArgument,
     "the pool has snapshots of its own (`rados mksnap`), which RBD's cannot live beside"},
});
constexpr auto kSnapshotRemoveRules = WithCommon({
    {ENOENT, StatusCode::kNotFound, ""},
    {EBUSY, StatusCode::kFailedPrecondition,
     "it is protected or has clones of the old format: flatten them with `rbd flatten`, then "
     "`rbd snap unprotect`"},
    kLockedExclusively,
});
constexpr auto kCloneRules = WithCommon({
    {EEXIST, StatusCode::kFailedPrecondition, "the half-made image is a clone of something else"},
    {ENOENT, StatusCode::kAborted, "the half-made image was removed meanwhile"},
    {EINVAL, StatusCode::kInvalidArgument,
     "the image needs the feature layering: add it to imageFeatures"},
});
constexpr auto kParentRules = WithCommon({
    {ENOENT, StatusCode::kNotFound, "the source snapshot is gone"},
});
constexpr auto kClaimRules = WithCommon({
    {ECANCELED, StatusCode::kAborted, "another controller was faster"},
});
constexpr auto kMarkRules = WithCommon({
    {ENOENT, StatusCode::kNotFound, ""},
});
constexpr auto kFlattenRules = WithCommon({
    {ENOENT, StatusCode::kNotFound, "the image was removed meanwhile"},
    kLockedExclusively,
    {EBUSY, StatusCode::kUnavailable, "another client is flattening it; tried again later"},
});

constexpr auto kGroupLookRules = WithCommon({
    {EIO, StatusCode::kUnavailable, "the group's content is not understood"},
});
constexpr auto kGroupChangeRules = WithCommon({
    {ENOENT, StatusCode::kAborted, "the group or the image was removed meanwhile"},
    {EEXIST, StatusCode::kAborted, "another controller was faster"},
});
constexpr auto kGroupSnapshotCreateRules = WithCommon({
    {ENOENT, StatusCode::kAborted, "the group or one of its images was removed meanwhile"},
    {EEXIST, StatusCode::kAborted, "another controller was faster"},
    kLockedExclusively,
    {EBUSY, StatusCode::kUnavailable, "an image is locked by another operation"},
    {EINVAL, StatusCode::kInvalidArgument,
     "the pool has snapshots of its own (`rados mksnap`), which RBD's cannot live beside"},
});
constexpr auto kGroupSnapshotRemoveRules = WithCommon({
    {EBUSY, StatusCode::kFailedPrecondition,
     "a member is protected or has clones of the old format: flatten them with `rbd flatten`"},
    kLockedExclusively,
});

// In the order of CephOperation.
constexpr std::array kTables = {
    Table("connect to cluster", kConnectRules),
    Table("open pool", kOpenPoolRules),
    Table("look at image", kLookRules),
    Table("create image", kCreateRules),
    Table("write the record of image", kRecordRules),
    Table("take or release the guard of image", kGuardRules),
    Table("list watchers of image", kWatchersRules),
    Table("fence client", kFenceRules),
    Table("move to trash image", kTrashRules),
    Table("clear away half-made image", kRepairRules),
    Table("inspect image", kInspectRules),
    Table("resize image", kResizeRules),
    Table("list images of pool", kListRules),
    Table("remove from trash image", kPurgeRules),
    Table("ask the monitors of cluster", kMonitorRules),
    Table("switch features of image", kFeaturesRules),
    Table("count the volumes of node", kNodeTableRules),
    Table("look at the snapshots of image", kSnapshotLookRules),
    Table("create snapshot", kSnapshotCreateRules),
    Table("remove snapshot", kSnapshotRemoveRules),
    Table("make a clone of image", kCloneRules),
    Table("register the clone with its parent image", kParentRules),
    Table("claim or free the name of snapshot", kClaimRules),
    Table("read or write the mark for flattening of", kMarkRules),
    Table("flatten image", kFlattenRules),
    Table("look at group", kGroupLookRules),
    Table("change group", kGroupChangeRules),
    Table("create group snapshot", kGroupSnapshotCreateRules),
    Table("remove group snapshot", kGroupSnapshotRemoveRules),
};

}  // namespace

const ErrnoTable& TableFor(CephOperation operation) {
  return kTables[static_cast<size_t>(operation)];
}

absl::Span<const ErrnoTable> AllErrorTables() { return kTables; }

}  // namespace rbdcsi
