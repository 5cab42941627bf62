#include "controller/snapshot_header.h"

#include <array>
#include <cerrno>

#include "controller/class_calls.h"

namespace rbdcsi::snapshot_header {

int ReadSnapshotIds(Pool& pool, const std::string& image_id, std::vector<uint64_t>* ids) {
  ReadOp op;
  const size_t reply = op.Exec("rbd", "get_snapcontext", "");
  if (const int r = op.Run(pool, class_calls::HeaderObject(image_id)); r < 0) {
    return r;
  }
  auto decoded = class_calls::DecodeSnapshotIds(op.reply(reply));
  if (!decoded.has_value()) {
    return -EIO;
  }
  *ids = *std::move(decoded);
  return 0;
}

int ReadSnapshots(Pool& pool, const std::string& image_id, const std::vector<uint64_t>& ids,
                  std::vector<class_calls::SnapshotInfo>* snapshots) {
  ReadOp op;
  std::vector<size_t> replies;
  replies.reserve(ids.size());
  for (const uint64_t id : ids) {
    replies.push_back(op.Exec("rbd", "snapshot_get", class_calls::SnapshotInput(id)));
  }
  if (const int r = op.Run(pool, class_calls::HeaderObject(image_id)); r < 0) {
    return r;
  }
  for (const size_t reply : replies) {
    auto snapshot = class_calls::DecodeSnapshot(op.reply(reply));
    if (!snapshot.has_value()) {
      return -EIO;
    }
    snapshots->push_back(*std::move(snapshot));
  }
  return 0;
}

int ReadChildren(Pool& pool, const std::string& image_id, uint64_t snapshot,
                 std::vector<class_calls::Child>* children) {
  ReadOp op;
  const size_t reply = op.Exec("rbd", "children_list", class_calls::SnapshotInput(snapshot));
  if (const int r = op.Run(pool, class_calls::HeaderObject(image_id)); r < 0) {
    return r;
  }
  auto decoded = class_calls::DecodeChildren(op.reply(reply));
  if (!decoded.has_value()) {
    return -EIO;
  }
  *children = *std::move(decoded);
  return 0;
}

int AttachParent(Pool& pool, const std::string& image_id, const class_calls::Parent& parent,
                 uint64_t overlap) {
  return WriteOp()
      .Exec("rbd", "parent_attach", class_calls::ParentAttachInput(parent, overlap))
      .Exec("rbd", "op_features_set", class_calls::CloneChildFeatureInput())
      .Run(pool, class_calls::HeaderObject(image_id));
}

int AttachChild(Pool& pool, const std::string& parent_id, uint64_t snapshot,
                const class_calls::Child& child) {
  return WriteOp()
      .Exec("rbd", "child_attach", class_calls::ChildInput(snapshot, child))
      .Run(pool, class_calls::HeaderObject(parent_id));
}

int ReadDirectoryName(Pool& pool, const char* directory, const std::string& id, std::string* name) {
  ReadOp op;
  const size_t reply = op.Exec("rbd", "dir_get_name", class_calls::TextInput(id));
  if (const int r = op.Run(pool, directory); r < 0) {
    return r;
  }
  auto decoded = class_calls::DecodeText(op.reply(reply));
  if (!decoded.has_value()) {
    return -EIO;
  }
  *name = *std::move(decoded);
  return 0;
}

int ReadClaim(Pool& pool, const std::string& snapshot, std::string* claim) {
  ReadOp op;
  const std::array keys = {snapshot.c_str()};
  const std::array sizes = {snapshot.size()};
  rados_omap_iter_t values = nullptr;
  int result = 0;
  rados_read_op_omap_get_vals_by_keys2(op.get(), keys.data(), keys.size(), sizes.data(), &values,
                                       &result);
  const int r = op.Run(pool, kNamesObject);
  const std::string found = values != nullptr ? FirstOmapValue(values) : std::string();
  if (r == -ENOENT) {
    return 0;  // the first snapshot of the pool makes the object
  }
  *claim = found;
  return r;
}

int ChangeClaim(Pool& pool, const ClaimChange& change) {
  WriteOp op(WriteOp::Start::kMayCreate);
  rados_write_op_create(op.get(), LIBRADOS_CREATE_IDEMPOTENT, nullptr);
  const char* key = change.snapshot.c_str();
  const size_t key_size = change.snapshot.size();
  // The OSD takes a missing key for an empty one when it compares (measured, tests/live).
  rados_write_op_omap_cmp2(op.get(), key, LIBRADOS_CMPXATTR_OP_EQ, change.before.data(), key_size,
                           change.before.size(), nullptr);
  if (change.after.empty()) {
    rados_write_op_omap_rm_keys2(op.get(), &key, &key_size, 1);
  } else {
    const char* value = change.after.data();
    const size_t value_size = change.after.size();
    rados_write_op_omap_set2(op.get(), &key, &value, &key_size, &value_size, 1);
  }
  return op.Run(pool, kNamesObject, change.after.empty());
}

}  // namespace rbdcsi::snapshot_header
