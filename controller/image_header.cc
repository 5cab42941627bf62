#include "controller/image_header.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "controller/lost_locks.h"

namespace rbdcsi::image_header {
namespace {

constexpr int kMaxErrno = 4095;  // cmpext answers -(4095 + offset of the first difference)

std::string RecordOmapKey() { return absl::StrCat("metadata_", kRecordKey); }

int ZeroIfAbsent(int r) { return r == -ENOENT ? 0 : r; }

// The places of the replies in WhatToRead(); kFeatures and those after it are not in a list's.
enum Part : size_t { kSize, kFlags, kGuard, kParent, kFeatures, kOwner, kSnapshots, kLost };

const ObjectRead& WhatToRead(Detail detail) {
  static const ObjectRead all = {
      .calls = {{"rbd", "get_size", class_calls::SizeInput()},
                {"rbd", "get_flags", class_calls::SizeInput()},
                {"lock", "get_info", class_calls::LockInfoInput(kGuardLock)},
                {"rbd", "parent_get", ""},
                {"rbd", "get_features", class_calls::FeaturesInput()},
                {"lock", "get_info", class_calls::LockInfoInput(kOwnerLock)},
                {"rbd", "get_snapcontext", ""},
                {"lock", "get_info", class_calls::LockInfoInput(lost_locks::kLock)}},
      .omap_key = RecordOmapKey()};
  static const ObjectRead list = {.calls = {all.calls.begin(), all.calls.begin() + kFeatures},
                                  .omap_key = all.omap_key};
  return detail == Detail::kAll ? all : list;
}

int UnderstandRest(const std::vector<std::string>& replies, Header* header) {
  const auto features = class_calls::DecodeFeatures(replies[kFeatures]);
  auto owner = class_calls::DecodeLockInfo(replies[kOwner]);
  auto snapshots = class_calls::DecodeSnapshotIds(replies[kSnapshots]);
  auto lost = class_calls::DecodeLockInfo(replies[kLost]);
  if (!features || !owner || !snapshots || !lost) {
    return -EIO;
  }
  header->features = *features;
  header->owner = *std::move(owner);
  header->snapshots = *std::move(snapshots);
  header->lost = *std::move(lost);
  return 0;
}

int Understand(ObjectReply reply, Detail detail, Header* header) {
  if (reply.result < 0) {
    return reply.result;
  }
  const auto size = class_calls::DecodeSize(reply.replies[kSize]);
  const auto flags = class_calls::DecodeFeatures(reply.replies[kFlags]);
  auto guard = class_calls::DecodeLockInfo(reply.replies[kGuard]);
  auto parent = class_calls::DecodeParent(reply.replies[kParent]);
  if (!size || !flags || !guard || !parent) {
    return -EIO;
  }
  header->size = size->size;
  header->order = size->order;
  header->flags = *flags;
  header->record = std::move(reply.omap_value);
  header->guard = *std::move(guard);
  header->changed = absl::FromTimeT(reply.changed);
  header->version = reply.version;
  if (parent->pool >= 0) {
    header->parent = *std::move(parent);
  }
  header->watchers = std::move(reply.watchers);
  return detail == Detail::kAll ? UnderstandRest(reply.replies, header) : 0;
}

}  // namespace

int ReadName(Pool& pool, const std::string& image, Name* name) {
  ReadOp op;
  time_t changed = 0;
  int stat_result = 0;
  rados_read_op_stat(op.get(), nullptr, &changed, &stat_result);
  const size_t id = op.Exec("rbd", "get_id", "");
  if (const int r = op.Run(pool, class_calls::IdObject(image)); r < 0) {
    return r;
  }
  const auto text = class_calls::DecodeText(op.reply(id));
  if (!text.has_value()) {
    return -EIO;
  }
  *name = {*text, absl::FromTimeT(changed)};
  return 0;
}

std::vector<HeaderRead> ReadHeaders(Pool& pool, const std::vector<std::string>& ids,
                                    Detail detail) {
  std::vector<std::string> objects(ids.size());
  std::transform(ids.begin(), ids.end(), objects.begin(),
                 [](const std::string& id) { return class_calls::HeaderObject(id); });
  std::vector<HeaderRead> headers;
  headers.reserve(ids.size());
  for (ObjectReply& reply : ReadObjects(pool.get(), objects, WhatToRead(detail))) {
    HeaderRead& read = headers.emplace_back();
    read.result = Understand(std::move(reply), detail, &read.header);
  }
  return headers;
}

int ReadHeader(Pool& pool, const std::string& id, Header* header) {
  return Understand(ReadObject(pool.get(), class_calls::HeaderObject(id), WhatToRead(Detail::kAll)),
                    Detail::kAll, header);
}

int WriteFirstRecord(Pool& pool, const std::string& id, const std::string& record) {
  WriteOp op;
  const std::string guard_attribute = absl::StrCat("lock.", kGuardLock);
  rados_write_op_cmpxattr(op.get(), guard_attribute.c_str(), LIBRADOS_CMPXATTR_OP_EQ, "", 0);
  omap::OnlyIf(op, RecordOmapKey(), "");
  op.Exec("rbd", "metadata_set", class_calls::MetadataSetInput(kRecordKey, record));
  return op.Run(pool, class_calls::HeaderObject(id));
}

int ReplaceRecord(Pool& pool, const std::string& id, const RecordChange& change) {
  WriteOp op;
  omap::OnlyIf(op, RecordOmapKey(), change.before);
  op.Exec("rbd", "metadata_set", class_calls::MetadataSetInput(kRecordKey, change.after));
  return op.Run(pool, class_calls::HeaderObject(id));
}

int TakeGuard(Pool& pool, const std::string& id, const class_calls::LockRequest& request) {
  return WriteOp()
      .Exec("lock", "lock", class_calls::LockInput(request))
      .Run(pool, class_calls::HeaderObject(id), true);
}

int TakeGuardWithoutRecord(Pool& pool, const std::string& id,
                           const class_calls::LockRequest& request) {
  WriteOp op;
  omap::OnlyIf(op, RecordOmapKey(), "");
  return op.Exec("lock", "lock", class_calls::LockInput(request))
      .Run(pool, class_calls::HeaderObject(id), true);
}

int BreakLock(Pool& pool, const std::string& id, std::string_view lock,
              const class_calls::Locker& locker) {
  return WriteOp()
      .Exec("lock", "break_lock", class_calls::BreakLockInput(lock, locker))
      .Run(pool, class_calls::HeaderObject(id), true);
}

int BreakLocks(Pool& pool, const std::string& id, uint64_t version,
               const std::vector<LockHeld>& held) {
  WriteOp op;
  rados_write_op_assert_version(op.get(), version);
  for (const LockHeld& it : held) {
    op.Exec("lock", "break_lock", class_calls::BreakLockInput(it.lock, it.locker));
  }
  return op.Run(pool, class_calls::HeaderObject(id), true);
}

int TakePurgeTurn(Pool& pool, const std::string& id, absl::Duration lasts) {
  return TakeGuard(pool, id, {.name = kPurgeLock, .cookie = "", .description = "", .lasts = lasts});
}

int AddToTrash(Pool& pool, const class_calls::TrashEntry& entry) {
  // The pool's first deleted image makes the object.
  const int r = WriteOp(WriteOp::Start::kMayCreate)
                    .Exec("rbd", "trash_add", class_calls::TrashAddInput(entry))
                    .Run(pool, "rbd_trash", true);
  return r == -EEXIST ? 0 : r;
}

int IsInTrash(Pool& pool, const std::string& id) {
  ReadOp op;
  op.Exec("rbd", "trash_get", class_calls::TextInput(id));
  const int r = op.Run(pool, "rbd_trash");
  return r == 0 ? 1 : ZeroIfAbsent(r);
}

int RemoveFromDirectory(Pool& pool, const class_calls::NameAndId& entry) {
  const int r = WriteOp()
                    .Exec("rbd", "dir_remove_image", class_calls::DirectoryEntryInput(entry))
                    .Run(pool, "rbd_directory", true);
  // ESTALE: the name leads to another image by now, whose entry is none of our business.
  return r == -ESTALE ? 0 : ZeroIfAbsent(r);
}

int RemoveObjectMap(Pool& pool, const std::string& id) {
  WriteOp op;
  rados_write_op_remove(op.get());
  return ZeroIfAbsent(op.Run(pool, class_calls::ObjectMapObject(id), true));
}

int RemoveName(Pool& pool, const class_calls::NameAndId& entry) {
  WriteOp op;
  const std::string content = class_calls::TextInput(entry.id);
  rados_write_op_cmpext(op.get(), content.data(), content.size(), 0, nullptr);
  rados_write_op_remove(op.get());
  const int r = op.Run(pool, class_calls::IdObject(entry.name), true);
  return r <= -kMaxErrno ? 0 : ZeroIfAbsent(r);
}

int ReadDirectory(Pool& pool, const DirectoryRange& range, const omap::Found& found) {
  constexpr std::string_view kNameKey = "name_";
  bool more = false;
  return omap::ReadPage(
      pool, "rbd_directory",
      {.prefix = absl::StrCat(Sv(kNameKey), range.prefix),
       .after = absl::StrCat(Sv(kNameKey), range.after),
       .limit = range.limit},
      [&](std::string_view key, std::string_view value) {
        found(key.substr(kNameKey.size()), class_calls::DecodeText(value).value_or(""));
      },
      &more);
}

int ReadDirectoryId(Pool& pool, const std::string& image, std::string* id) {
  ReadOp op;
  const size_t index = op.Exec("rbd", "dir_get_id", class_calls::TextInput(image));
  if (const int r = op.Run(pool, "rbd_directory"); r < 0) {
    return r;
  }
  const auto text = class_calls::DecodeText(op.reply(index));
  *id = text.value_or("");
  return text.has_value() ? 0 : -EIO;
}

int Exists(Pool& pool, const std::string& object) {
  ReadOp op;
  int result = 0;
  rados_read_op_stat(op.get(), nullptr, nullptr, &result);
  return op.Run(pool, object);
}

int IsMirrored(Pool& pool, const std::string& id) {
  ReadOp op;
  op.Exec("rbd", "mirror_image_get", class_calls::TextInput(id));
  const int r = op.Run(pool, "rbd_mirroring");
  return r == 0 ? 1 : ZeroIfAbsent(r);
}

}  // namespace rbdcsi::image_header
