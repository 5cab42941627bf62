#include "controller/snapshot_calls.h"

#include "controller/wire.h"

namespace rbdcsi::class_calls {
namespace {

constexpr uint64_t kCloneChild = 1U << 1;  // RBD_OPERATION_FEATURE_CLONE_CHILD

void DecodeNamespace(Decoder in, SnapshotInfo& snapshot) {
  snapshot.name_space = static_cast<SnapshotNamespace>(in.U32());
  if (snapshot.name_space == SnapshotNamespace::kGroup) {
    snapshot.group_pool = static_cast<int64_t>(in.U64());
    snapshot.group_id = in.Text();
  } else if (snapshot.name_space == SnapshotNamespace::kTrash) {
    snapshot.original_name = in.Text();
  }
}

std::string EncodeParent(const Parent& parent) {
  return Encoder()
      .U64(static_cast<uint64_t>(parent.pool))
      .Text(parent.rados_namespace)
      .Text(parent.image_id)
      .U64(parent.snapshot)
      .Struct(1);
}

}  // namespace

std::string SnapshotInput(uint64_t id) { return Encoder().U64(id).bytes(); }

std::string ParentAttachInput(const Parent& parent, uint64_t overlap) {
  // The last byte: not in place of a parent that is there already.
  return EncodeParent(parent) + Encoder().U64(overlap).U8(0).bytes();
}

std::string CloneChildFeatureInput() { return Encoder().U64(kCloneChild).U64(kCloneChild).bytes(); }

std::string ChildInput(uint64_t snapshot_id, const Child& child) {
  return Encoder().U64(snapshot_id).bytes() + Encoder()
                                                  .U64(static_cast<uint64_t>(child.pool))
                                                  .Text(child.image_id)
                                                  .Text(child.rados_namespace)
                                                  .Struct(2);
}

std::optional<std::vector<uint64_t>> DecodeSnapshotIds(std::string_view reply) {
  Decoder in(reply);
  in.U64();  // the newest id ever given
  const uint32_t count = in.U32();
  std::vector<uint64_t> ids;
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    ids.push_back(in.U64());
  }
  return in.ok() ? std::optional(std::move(ids)) : std::nullopt;
}

std::optional<SnapshotInfo> DecodeSnapshot(std::string_view reply) {
  Decoder in(reply);
  Decoder body = in.Struct();
  SnapshotInfo snapshot;
  snapshot.id = body.U64();
  DecodeNamespace(body.Struct(), snapshot);
  snapshot.name = body.Text();
  snapshot.size = body.U64();
  snapshot.taken = body.Time();
  snapshot.children = body.U32();
  return body.ok() ? std::optional(std::move(snapshot)) : std::nullopt;
}

std::optional<Parent> DecodeParent(std::string_view reply) {
  Decoder in(reply);
  Decoder body = in.Struct();
  Parent parent;
  parent.pool = static_cast<int64_t>(body.U64());
  parent.rados_namespace = body.Text();
  parent.image_id = body.Text();
  parent.snapshot = body.U64();
  return body.ok() ? std::optional(std::move(parent)) : std::nullopt;
}

std::optional<std::vector<Child>> DecodeChildren(std::string_view reply) {
  Decoder in(reply);
  const uint32_t count = in.U32();
  std::vector<Child> children;
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    Decoder body = in.Struct();
    Child child;
    child.pool = static_cast<int64_t>(body.U64());
    child.image_id = body.Text();
    child.rados_namespace = body.Text();
    if (!body.ok()) {
      return std::nullopt;
    }
    children.push_back(std::move(child));
  }
  return in.ok() ? std::optional(std::move(children)) : std::nullopt;
}

}  // namespace rbdcsi::class_calls
