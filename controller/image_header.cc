#include "controller/image_header.h"

#include <array>
#include <cerrno>
#include <ctime>

#include "absl/strings/str_cat.h"

namespace rbdcsi::image_header {
namespace {

constexpr int kMaxErrno = 4095;  // cmpext answers -(4095 + offset of the first difference)

std::string RecordOmapKey() { return absl::StrCat("metadata_", kRecordKey); }

// The OSD takes a missing key or attribute for an empty one when it compares (measured,
// tests/live).
void OnlyWithoutRecord(WriteOp& op) {
  const std::string key = RecordOmapKey();
  rados_write_op_omap_cmp2(op.get(), key.c_str(), LIBRADOS_CMPXATTR_OP_EQ, "", key.size(), 0,
                           nullptr);
}

std::string FirstValue(rados_omap_iter_t values) {
  char* key = nullptr;
  char* value = nullptr;
  size_t key_size = 0;
  size_t value_size = 0;
  std::string found;
  if (rados_omap_get_next2(values, &key, &value, &key_size, &value_size) == 0 && key != nullptr) {
    found.assign(value, value_size);
  }
  rados_omap_get_end(values);
  return found;
}

int ZeroIfAbsent(int r) { return r == -ENOENT ? 0 : r; }

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

int ReadHeader(Pool& pool, const std::string& id, Header* header) {
  ReadOp op;
  time_t changed = 0;
  int stat_result = 0;
  rados_read_op_stat(op.get(), nullptr, &changed, &stat_result);
  const size_t size = op.Exec("rbd", "get_size", class_calls::SizeInput());
  const size_t features = op.Exec("rbd", "get_features", class_calls::FeaturesInput());
  const size_t flags = op.Exec("rbd", "get_flags", class_calls::SizeInput());
  const size_t guard = op.Exec("lock", "get_info", class_calls::LockInfoInput(kGuardLock));
  const size_t owner = op.Exec("lock", "get_info", class_calls::LockInfoInput(kOwnerLock));
  const std::string key = RecordOmapKey();
  const std::array keys = {key.c_str()};
  const std::array sizes = {key.size()};
  rados_omap_iter_t values = nullptr;
  int values_result = 0;
  rados_read_op_omap_get_vals_by_keys2(op.get(), keys.data(), keys.size(), sizes.data(), &values,
                                       &values_result);
  const int r = op.Run(pool, class_calls::HeaderObject(id));
  std::string record = values != nullptr ? FirstValue(values) : std::string();
  if (r < 0) {
    return r;
  }
  const auto size_reply = class_calls::DecodeSize(op.reply(size));
  const auto features_reply = class_calls::DecodeFeatures(op.reply(features));
  auto guard_reply = class_calls::DecodeLockInfo(op.reply(guard));
  auto owner_reply = class_calls::DecodeLockInfo(op.reply(owner));
  const auto flags_reply = class_calls::DecodeFeatures(op.reply(flags));
  if (!size_reply || !features_reply || !flags_reply || !guard_reply || !owner_reply) {
    return -EIO;
  }
  header->size = size_reply->size;
  header->order = size_reply->order;
  header->features = *features_reply;
  header->flags = *flags_reply;
  header->record = std::move(record);
  header->guard = *std::move(guard_reply);
  header->owner = *std::move(owner_reply);
  header->changed = absl::FromTimeT(changed);
  return 0;
}

int WriteFirstRecord(Pool& pool, const std::string& id, const std::string& record) {
  WriteOp op;
  const std::string guard_attribute = absl::StrCat("lock.", kGuardLock);
  rados_write_op_cmpxattr(op.get(), guard_attribute.c_str(), LIBRADOS_CMPXATTR_OP_EQ, "", 0);
  OnlyWithoutRecord(op);
  op.Exec("rbd", "metadata_set", class_calls::MetadataSetInput(kRecordKey, record));
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
  OnlyWithoutRecord(op);
  return op.Exec("lock", "lock", class_calls::LockInput(request))
      .Run(pool, class_calls::HeaderObject(id), true);
}

int BreakLock(Pool& pool, const std::string& id, std::string_view lock,
              const class_calls::Locker& locker) {
  return WriteOp()
      .Exec("lock", "break_lock", class_calls::BreakLockInput(lock, locker))
      .Run(pool, class_calls::HeaderObject(id), true);
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

int ReadDirectory(Pool& pool, const DirectoryRange& range,
                  const std::function<void(std::string_view, std::string_view)>& found) {
  constexpr std::string_view kNameKey = "name_";
  ReadOp op;
  rados_omap_iter_t values = nullptr;
  unsigned char more = 0;
  int result = 0;
  const std::string after = absl::StrCat(Sv(kNameKey), range.after);
  rados_read_op_omap_get_vals2(op.get(), after.c_str(),
                               absl::StrCat(Sv(kNameKey), range.prefix).c_str(), range.limit,
                               &values, &more, &result);
  const int r = op.Run(pool, "rbd_directory");
  if (values == nullptr) {
    return r;
  }
  char* key = nullptr;
  char* value = nullptr;
  size_t key_size = 0;
  size_t value_size = 0;
  while (r >= 0 && rados_omap_get_next2(values, &key, &value, &key_size, &value_size) == 0 &&
         key != nullptr) {
    const auto id = class_calls::DecodeText({value, value_size});
    found(std::string_view(key, key_size).substr(kNameKey.size()), id.value_or(""));
  }
  rados_omap_get_end(values);
  return r;
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
