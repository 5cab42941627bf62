// Ranges of bytes: those of the objects that a backup is told about, byte by byte, for any
// striping.
#include <fuzzer/FuzzedDataProvider.h>

#include <memory>
#include <utility>
#include <vector>

#include "controller/extents.h"
#include "tests/fuzz/fuzz.h"

namespace rbdcsi::fuzz {
namespace {

constexpr uint64_t kMostBytes = 2048;

// Small enough to look at every byte, with all proportions that an image may have.
ObjectLayout TakeLayout(FuzzedDataProvider& in) {
  const int order = in.ConsumeIntegralInRange(0, 7);
  const int unit_order = in.ConsumeIntegralInRange(0, order);
  return {.object_bytes = uint64_t{1} << order,
          .stripe_unit = uint64_t{1} << unit_order,
          .stripe_count = in.ConsumeIntegralInRange<uint64_t>(1, 5)};
}

ObjectSet TakeObjects(FuzzedDataProvider& in, uint64_t count) {
  ObjectSet objects(count);
  for (uint64_t i = 0; i < count && in.remaining_bytes() > 0; ++i) {
    objects[i] = in.ConsumeBool();
  }
  return objects;
}

// Which object a byte is in, by the definition: stripes of units go over a set of objects until
// these are full.
uint64_t ObjectOf(uint64_t byte, const ObjectLayout& layout) {
  const uint64_t unit = byte / layout.stripe_unit;
  const uint64_t stripe = unit / layout.stripe_count;
  const uint64_t stripes_in_set = layout.object_bytes / layout.stripe_unit;
  return stripe / stripes_in_set * layout.stripe_count + unit % layout.stripe_count;
}

// Each byte of a range is wanted, and each wanted byte is in a range; ranges ascend and do not
// touch.
void CheckRanges(ExtentSource& source, uint64_t from, const std::vector<bool>& wanted) {
  std::vector<bool> told(wanted.size());
  uint64_t last_end = 0;
  bool first = true;
  const auto status = ForEachRange(source, from, [&](const Extent& range) {
    HOLDS(range.size > 0 && range.end() > from && range.end() <= wanted.size());
    HOLDS(first || range.offset > last_end);
    first = false;
    last_end = range.end();
    for (uint64_t byte = range.offset; byte < range.end(); ++byte) {
      told[byte] = true;
    }
    return absl::OkStatus();
  });
  HOLDS(status.ok());
  for (uint64_t byte = 0; byte < wanted.size(); ++byte) {
    HOLDS(told[byte] == wanted[byte] || (byte < from && !told[byte]));
  }
}

}  // namespace

void Fuzz(std::string_view input) {
  FuzzedDataProvider in(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  const ObjectLayout layout = TakeLayout(in);
  const auto bytes = in.ConsumeIntegralInRange<uint64_t>(0, kMostBytes);
  const Extent window = {in.ConsumeIntegralInRange<uint64_t>(0, kMostBytes),
                         in.ConsumeIntegralInRange<uint64_t>(0, kMostBytes)};
  const auto from = in.ConsumeIntegralInRange<uint64_t>(0, kMostBytes);
  const ObjectSet own = TakeObjects(in, ObjectCount(layout, bytes));
  const ObjectSet parent = TakeObjects(in, ObjectCount(layout, bytes));

  std::vector<bool> wanted(bytes);
  for (uint64_t byte = 0; byte < bytes; ++byte) {
    const uint64_t object = ObjectOf(byte, layout);
    HOLDS(object < own.size());
    const bool in_window = byte >= window.offset && byte < window.end();
    wanted[byte] = own[object] || (in_window && parent[object]);
  }
  std::vector<std::unique_ptr<ExtentSource>> sources;
  sources.push_back(ObjectExtents(layout, own, bytes));
  sources.push_back(Clip(ObjectExtents(layout, parent, bytes), window));
  CheckRanges(*Union(std::move(sources)), from, wanted);
}

}  // namespace rbdcsi::fuzz
