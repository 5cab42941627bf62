// Replies of the object classes: bytes from an OSD, decoded without a library that would know them.
//
// A decoder never reads past its input (the sanitizers see that) and never makes more of a reply
// than the reply can hold. The first byte says which decoder.
#include <algorithm>
#include <string>

#include "controller/class_calls.h"
#include "controller/group_calls.h"
#include "controller/object_map.h"
#include "controller/snapshot_calls.h"
#include "controller/wire.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

// The bytes of a versioned struct around its body, and of a text around its letters.
constexpr size_t kStruct = 6;
constexpr size_t kText = 4;

void Numbers(std::string_view reply) {
  HOLDS(class_calls::DecodeSize(reply).has_value() == (reply.size() >= 9));
  HOLDS(class_calls::DecodeFeatures(reply).has_value() == (reply.size() >= 8));
  const auto text = class_calls::DecodeText(reply);
  HOLDS(!text.has_value() || text->size() + kText <= reply.size());
}

void Locks(std::string_view reply) {
  const auto lock = class_calls::DecodeLockInfo(reply);
  if (!lock.has_value()) {
    return;
  }
  // Who it is, in a struct: type, number, cookie; and how, in another: time, address, description.
  constexpr size_t kLocker = kStruct + 9 + kText + kStruct + 8 + 1 + kText;
  HOLDS(lock->lockers.size() * kLocker <= reply.size());
  for (const class_calls::Locker& locker : lock->lockers) {
    // It becomes an argument of a monitor command in JSON.
    HOLDS(locker.address.find_first_not_of("0123456789abcdef.:[]/") == std::string::npos);
    HOLDS(locker.address.empty() || Contains(locker.address, "/"));
  }
}

void Snapshots(std::string_view reply) {
  const auto ids = class_calls::DecodeSnapshotIds(reply);
  HOLDS(!ids.has_value() || 8 + 4 + 8 * ids->size() <= reply.size());
  const auto snapshot = class_calls::DecodeSnapshot(reply);
  HOLDS(!snapshot.has_value() ||
        snapshot->name.size() + snapshot->group_id.size() + snapshot->original_name.size() <
            reply.size());
}

void Parents(std::string_view reply) {
  if (const auto parent = class_calls::DecodeParent(reply)) {
    HOLDS(class_calls::DecodeParent(class_calls::ParentAttachInput(*parent, 0)) == parent);
  }
  const auto children = class_calls::DecodeChildren(reply);
  if (!children.has_value()) {
    return;
  }
  std::string again = Encoder().U32(static_cast<uint32_t>(children->size())).bytes();
  for (const class_calls::Child& child : *children) {
    again += class_calls::ChildInput(0, child).substr(8);  // without the snapshot's number
  }
  HOLDS(again.size() <= reply.size() && class_calls::DecodeChildren(again) == children);
}

void Groups(std::string_view reply) {
  const auto group = class_calls::DecodeGroupRef(reply);
  HOLDS(!group.has_value() || kStruct + 8 + kText + group->id.size() <= reply.size());
  const auto images = class_calls::DecodeGroupImages(reply);
  constexpr size_t kImage = kStruct + kStruct + kText + 8 + 1;
  HOLDS(!images.has_value() || 4 + kImage * images->size() <= reply.size());
  const auto snapshots = class_calls::DecodeGroupSnapshots(reply);
  if (!snapshots.has_value()) {
    return;
  }
  size_t least = 4;
  for (const class_calls::GroupSnapshot& snapshot : *snapshots) {
    constexpr size_t kMember = kStruct + 8 + kText + 8;
    least += kStruct + kText + kText + 1 + 4 + kMember * snapshot.members.size();
  }
  HOLDS(least <= reply.size());
}

void Maps(std::string_view reply) {
  auto map = ObjectMap::Decode(reply);
  if (!map.has_value()) {
    return;
  }
  const uint64_t most = 4 * reply.size();
  HOLDS(!map->Trim(most + 1));
  uint64_t size = most;
  while (!map->Trim(size)) {
    --size;
  }
  const ObjectSet existing = Existing(*map, most);
  for (uint64_t object = 0; object < most; ++object) {
    HOLDS(existing[object] == (map->At(object) != ObjectState::kAbsent));
    HOLDS(object < size || !existing[object]);
  }
  ObjectSet changed(most);
  AddChanges(*map, *map, &changed);
  DropAbsent(*map, *map, &changed);
  for (uint64_t object = 0; object < most; ++object) {
    HOLDS(!changed[object] || existing[object]);
  }
}

// Order, stripe unit and count of a header; then the size of the image.
void Layouts(std::string_view reply) {
  Decoder in(reply);
  const uint8_t order = in.U8();
  const uint64_t unit = in.U64();
  const uint64_t count = in.U64();
  const uint64_t bytes = in.U64() >> 1;  // sizes are signed in CSI
  const auto layout = MakeLayout(order, unit, count);
  if (!layout.has_value()) {
    return;
  }
  HOLDS(layout->object_bytes % layout->stripe_unit == 0);
  const uint64_t objects = ObjectCount(*layout, bytes);
  HOLDS((objects == 0) == (bytes == 0));
  HOLDS(objects <= bytes && objects >= bytes / layout->object_bytes);
}

using Decode = void (*)(std::string_view);
constexpr Decode kDecoders[] = {Numbers, Locks, Snapshots, Parents, Groups, Maps, Layouts};

}  // namespace

void Fuzz(std::string_view input) {
  if (!input.empty()) {
    kDecoders[static_cast<unsigned char>(input[0]) % std::size(kDecoders)](input.substr(1));
  }
}

}  // namespace rbdcsi::fuzz
