#include "controller/tracking_header.h"

#include <array>
#include <cerrno>

#include "controller/class_calls.h"
#include "controller/image_features.h"
#include "controller/wire.h"

namespace rbdcsi::tracking_header {
namespace {

constexpr uint64_t kMapInvalid = 1U << 0;   // RBD_FLAG_OBJECT_MAP_INVALID
constexpr uint64_t kDiffInvalid = 1U << 1;  // RBD_FLAG_FAST_DIFF_INVALID

int ReadStriping(Pool& pool, const std::string& image_id, uint8_t order,
                 std::optional<ObjectLayout>* layout) {
  ReadOp op;
  const size_t reply = op.Exec("rbd", "get_stripe_unit_count", "");
  if (const int r = op.Run(pool, class_calls::HeaderObject(image_id)); r < 0) {
    return r;
  }
  Decoder in(op.reply(reply));
  const uint64_t unit = in.U64();
  const uint64_t count = in.U64();
  *layout = in.ok() && unit != 0 ? MakeLayout(order, unit, count) : std::nullopt;
  return 0;
}

// An optional number: a byte that says whether it is there, then the number.
std::optional<uint64_t> DecodeOverlap(std::string_view reply) {
  Decoder in(reply);
  const uint64_t overlap = in.U8() != 0 ? in.U64() : 0;
  return in.ok() ? std::optional(overlap) : std::nullopt;
}

}  // namespace

int ReadImage(Pool& pool, const std::string& image_id, TrackedImage* image) {
  ReadOp op;
  const size_t size = op.Exec("rbd", "get_size", class_calls::SizeInput());
  const size_t features = op.Exec("rbd", "get_features", class_calls::FeaturesInput());
  const size_t snapshots = op.Exec("rbd", "get_snapcontext", "");
  const size_t parent = op.Exec("rbd", "parent_get", "");
  if (const int r = op.Run(pool, class_calls::HeaderObject(image_id)); r < 0) {
    return r;
  }
  const auto size_reply = class_calls::DecodeSize(op.reply(size));
  const auto features_reply = class_calls::DecodeFeatures(op.reply(features));
  auto snapshots_reply = class_calls::DecodeSnapshotIds(op.reply(snapshots));
  auto parent_reply = class_calls::DecodeParent(op.reply(parent));
  if (!size_reply || !features_reply || !snapshots_reply || !parent_reply) {
    return -EIO;
  }
  image->features = *features_reply;
  image->snapshots = *std::move(snapshots_reply);
  if (parent_reply->pool >= 0) {
    image->parent = *std::move(parent_reply);
  }
  std::optional<ObjectLayout> layout = MakeLayout(size_reply->order, 0, 0);
  if ((image->features & kFeatureStriping) != 0) {
    if (const int r = ReadStriping(pool, image_id, size_reply->order, &layout); r < 0) {
      return r;
    }
  }
  image->layout = layout.value_or(ObjectLayout());
  return layout.has_value() ? 0 : -EIO;
}

int ReadSnapshots(Pool& pool, const std::string& image_id, const std::vector<uint64_t>& ids,
                  std::vector<TrackedSnapshot>* snapshots) {
  ReadOp op;
  std::vector<std::array<size_t, 3>> replies;
  for (const uint64_t id : ids) {
    const std::string input = class_calls::SnapshotInput(id);
    const size_t size = op.Exec("rbd", "get_size", input);
    const size_t flags = op.Exec("rbd", "get_flags", input);
    replies.push_back({size, flags, op.Exec("rbd", "parent_overlap_get", input)});
  }
  if (const int r = op.Run(pool, class_calls::HeaderObject(image_id)); r < 0) {
    return r;
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto size = class_calls::DecodeSize(op.reply(replies[i][0]));
    const auto flags = class_calls::DecodeFeatures(op.reply(replies[i][1]));
    const auto overlap = DecodeOverlap(op.reply(replies[i][2]));
    if (!size || !flags || !overlap) {
      return -EIO;
    }
    snapshots->push_back({.id = ids[i],
                          .size_bytes = size->size,
                          .overlap_bytes = *overlap,
                          .map_valid = (*flags & kMapInvalid) == 0,
                          .diff_valid = (*flags & kDiffInvalid) == 0});
  }
  return 0;
}

int ReadMap(Pool& pool, const std::string& image_id, uint64_t snapshot,
            std::optional<ObjectMap>* map) {
  ReadOp op;
  const size_t reply = op.Exec("rbd", "object_map_load", "");
  if (const int r = op.Run(pool, ObjectMap::NameFor(image_id, snapshot)); r < 0) {
    return r;
  }
  *map = ObjectMap::Decode(op.reply(reply));
  return map->has_value() ? 0 : -EIO;
}

}  // namespace rbdcsi::tracking_header
