// An image's object map: which of its objects exist, and which were written since a snapshot.
//
// One map for the image and one for each of its snapshots; two bits an object. A snapshot's map is
// the image's at that moment: "written" there means written since the snapshot before it. When a
// snapshot is removed its "written" objects become those of the next one (librbd's
// object_map::SnapshotRemoveRequest), so what changed between two snapshots is in the maps between
// them that are left. Measured in tests/live; the one thing that the maps do not show is `rbd snap
// rollback` (docs/changed-blocks.md). Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rbdcsi {

// How the bytes of an image lie in its objects.
struct ObjectLayout {
  uint64_t object_bytes = 0;
  uint64_t stripe_unit = 0;  // bytes; object_bytes where nothing is striped
  uint64_t stripe_count = 1;

  friend bool operator==(const ObjectLayout&, const ObjectLayout&) = default;
};

// Of a header: objects of 2^order bytes, and 0 for both others where nothing is striped. Nullopt:
// no image is made like that, the header is damaged.
std::optional<ObjectLayout> MakeLayout(uint8_t order, uint64_t stripe_unit, uint64_t stripe_count);

// How many objects an image of that size has.
uint64_t ObjectCount(const ObjectLayout& layout, uint64_t image_bytes);

enum class ObjectState : uint8_t { kAbsent = 0, kWritten = 1, kPending = 2, kUnchanged = 3 };

class ObjectMap {
 public:
  // The object `rbd_object_map.<id>.<snapshot>`.
  static std::string NameFor(std::string_view image_id, uint64_t snapshot);
  // The reply of rbd.object_map_load. Nullopt: not what the class is known to answer.
  static std::optional<ObjectMap> Decode(std::string_view reply);

  // Forgets what lies behind the end of the image. False: the map is too short for it.
  bool Trim(uint64_t objects);
  ObjectState At(uint64_t object) const;  // kAbsent behind the end

 private:
  std::string bits_;
  uint64_t objects_ = 0;
};

using ObjectSet = std::vector<bool>;

// The first `objects` of them, as far as they exist.
ObjectSet Existing(const ObjectMap& map, uint64_t objects);
// Adds what differs from one snapshot to the next one, among the objects that `changed` has.
void AddChanges(const ObjectMap& before, const ObjectMap& after, ObjectSet* changed);
// Takes away what neither has: it came and went in between.
void DropAbsent(const ObjectMap& first, const ObjectMap& last, ObjectSet* changed);

}  // namespace rbdcsi
