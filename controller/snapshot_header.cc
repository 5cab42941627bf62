#include "controller/snapshot_header.h"

#include <cerrno>

#include "controller/class_calls.h"
#include "controller/omap.h"

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
  // The first snapshot of the pool makes the object.
  return omap::ReadValue(pool, kNamesObject, snapshot, claim);
}

int ChangeClaim(Pool& pool, const ClaimChange& change) {
  WriteOp op(WriteOp::Start::kMayCreate);
  rados_write_op_create(op.get(), LIBRADOS_CREATE_IDEMPOTENT, nullptr);
  omap::OnlyIf(op, change.snapshot, change.before);
  if (change.after.empty()) {
    omap::Remove(op, {change.snapshot});
  } else {
    omap::Set(op, change.snapshot, change.after);
  }
  return op.Run(pool, kNamesObject, change.after.empty());
}

}  // namespace rbdcsi::snapshot_header
