#include "controller/object_map.h"

#include <limits>

#include "absl/strings/str_format.h"
#include "controller/class_calls.h"
#include "controller/wire.h"

namespace rbdcsi {
namespace {

constexpr uint64_t kPerByte = 4;

uint64_t CeilingOf(uint64_t value, uint64_t unit) { return value / unit + (value % unit != 0); }

bool Differs(ObjectState before, ObjectState after) {
  switch (after) {
    case ObjectState::kWritten:
    case ObjectState::kPending:  // being removed: it may hold data or not
      return true;
    case ObjectState::kAbsent:
      return before != ObjectState::kAbsent;
    case ObjectState::kUnchanged:
      return before == ObjectState::kAbsent || before == ObjectState::kPending;
  }
  return true;
}

}  // namespace

std::optional<ObjectLayout> MakeLayout(uint8_t order, uint64_t stripe_unit, uint64_t stripe_count) {
  constexpr uint8_t kMostOrder = 62;  // sizes are signed in librbd
  if (order > kMostOrder || (stripe_unit == 0) != (stripe_count == 0)) {
    return std::nullopt;
  }
  const uint64_t object_bytes = uint64_t{1} << order;
  if (stripe_unit == 0) {
    return ObjectLayout{.object_bytes = object_bytes, .stripe_unit = object_bytes};
  }
  if (object_bytes % stripe_unit != 0 ||
      stripe_count > std::numeric_limits<uint64_t>::max() / object_bytes) {
    return std::nullopt;
  }
  return ObjectLayout{
      .object_bytes = object_bytes, .stripe_unit = stripe_unit, .stripe_count = stripe_count};
}

uint64_t ObjectCount(const ObjectLayout& layout, uint64_t image_bytes) {
  const uint64_t period = layout.object_bytes * layout.stripe_count;
  const uint64_t last = CeilingOf(image_bytes % period, layout.stripe_unit);
  return image_bytes / period * layout.stripe_count +
         (last < layout.stripe_count ? last : layout.stripe_count);
}

std::string ObjectMap::NameFor(std::string_view image_id, uint64_t snapshot) {
  return absl::StrFormat("%s.%016x", class_calls::ObjectMapObject(image_id), snapshot);
}

std::optional<ObjectMap> ObjectMap::Decode(std::string_view reply) {
  Decoder in(reply);
  Decoder header(in.Text());
  Decoder body = header.Struct();
  ObjectMap map;
  map.objects_ = body.U64();
  map.bits_ = in.Bytes(CeilingOf(map.objects_, kPerByte));  // its checksums follow
  return body.ok() && in.ok() ? std::optional(std::move(map)) : std::nullopt;
}

bool ObjectMap::Trim(uint64_t objects) {
  if (objects_ < objects) {
    return false;
  }
  objects_ = objects;
  return true;
}

ObjectState ObjectMap::At(uint64_t object) const {
  if (object >= objects_) {
    return ObjectState::kAbsent;
  }
  const auto byte = static_cast<unsigned char>(bits_[object / kPerByte]);
  const uint64_t shift = 2 * (kPerByte - 1 - object % kPerByte);  // the first object is on top
  return static_cast<ObjectState>((byte >> shift) & 3U);
}

ObjectSet Existing(const ObjectMap& map, uint64_t objects) {
  ObjectSet existing(objects);
  for (uint64_t i = 0; i < objects; ++i) {
    existing[i] = map.At(i) != ObjectState::kAbsent;
  }
  return existing;
}

void AddChanges(const ObjectMap& before, const ObjectMap& after, ObjectSet* changed) {
  for (uint64_t i = 0; i < changed->size(); ++i) {
    if (Differs(before.At(i), after.At(i))) {
      (*changed)[i] = true;
    }
  }
}

void DropAbsent(const ObjectMap& first, const ObjectMap& last, ObjectSet* changed) {
  for (uint64_t i = 0; i < changed->size(); ++i) {
    if (first.At(i) == ObjectState::kAbsent && last.At(i) == ObjectState::kAbsent) {
      (*changed)[i] = false;
    }
  }
}

}  // namespace rbdcsi
