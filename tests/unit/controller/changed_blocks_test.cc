// From object maps to ranges of bytes.
#include <algorithm>

#include "controller/extents.h"
#include "controller/object_map.h"
#include "controller/wire.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

constexpr ObjectLayout kPlain = {.object_bytes = 100, .stripe_unit = 100, .stripe_count = 1};

// A map as the class encodes it: one digit an object.
std::string Encoded(std::string_view states) {
  const std::string header = Encoder().U64(states.size()).Struct(1);
  std::string bits((states.size() + 3) / 4, '\0');
  for (size_t i = 0; i < states.size(); ++i) {
    bits[i / 4] = static_cast<char>(static_cast<unsigned char>(bits[i / 4]) |
                                    ((states[i] - '0') << (2 * (3 - i % 4))));
  }
  return Encoder().Text(header).bytes() + bits + "checksums";
}

ObjectMap MapOf(std::string_view states) {
  auto map = ObjectMap::Decode(Encoded(states));
  REQUIRE(map.has_value());
  return *std::move(map);
}

std::string Text(const ObjectSet& objects) {
  std::string text;
  for (const bool in : objects) {
    text += in ? 'x' : '-';
  }
  return text;
}

ObjectSet SetOf(std::string_view text) {
  ObjectSet objects;
  for (const char c : text) {
    objects.push_back(c == 'x');
  }
  return objects;
}

std::string Changed(std::string_view before, std::string_view after, size_t objects) {
  ObjectSet changed(objects);
  AddChanges(MapOf(before), MapOf(after), &changed);
  return Text(changed);
}

std::vector<Extent> RangesFrom(ExtentSource& source, uint64_t from) {
  std::vector<Extent> ranges;
  const absl::Status status = ForEachRange(source, from, [&](const Extent& range) {
    ranges.push_back(range);
    return absl::OkStatus();
  });
  REQUIRE(status.ok());
  return ranges;
}

std::vector<Extent> Ranges(std::unique_ptr<ExtentSource> source) { return RangesFrom(*source, 0); }

std::unique_ptr<ExtentSource> Objects(std::string_view objects, uint64_t image_bytes) {
  return ObjectExtents(kPlain, SetOf(objects), image_bytes);
}

}  // namespace

TEST_CASE("an object map is read as the class writes it, whatever follows it") {
  const ObjectMap map = MapOf("01233");
  CHECK(map.At(0) == ObjectState::kAbsent);
  CHECK(map.At(1) == ObjectState::kWritten);
  CHECK(map.At(2) == ObjectState::kPending);
  CHECK(map.At(3) == ObjectState::kUnchanged);
  CHECK(map.At(4) == ObjectState::kUnchanged);
  CHECK(map.At(5) == ObjectState::kAbsent);
}

TEST_CASE("an object map that is cut off is none") {
  const std::string whole = Encoded("012301230");
  for (size_t size = 0; size < whole.size() - std::string_view("checksums").size(); ++size) {
    CHECK_FALSE(ObjectMap::Decode(whole.substr(0, size)).has_value());
  }
}

TEST_CASE("what lies behind the end of a snapshot's image does not exist") {
  ObjectMap map = MapOf("1111");
  REQUIRE(map.Trim(2));
  CHECK(Text(Existing(map, 4)) == "xx--");
  CHECK_FALSE(map.Trim(3));
}

TEST_CASE("an object differs when it was written, made, removed or is being removed") {
  // Each state before, with each state after.
  CHECK(Changed("0123", "0000", 4) == "-xxx");
  CHECK(Changed("0123", "1111", 4) == "xxxx");
  CHECK(Changed("0123", "2222", 4) == "xxxx");
  CHECK(Changed("0123", "3333", 4) == "x-x-");
}

TEST_CASE("objects that an image has grown by, or has lost, differ if they exist") {
  CHECK(Changed("33", "3310", 4) == "--x-");
  CHECK(Changed("3310", "33", 4) == "--x-");
  CHECK(Changed("3310", "33", 2) == "--");
}

TEST_CASE("a change between two of several snapshots is a change up to the last") {
  ObjectSet changed(3);
  AddChanges(MapOf("333"), MapOf("313"), &changed);
  AddChanges(MapOf("313"), MapOf("333"), &changed);
  AddChanges(MapOf("333"), MapOf("333"), &changed);
  CHECK(Text(changed) == "-x-");
}

TEST_CASE("an object that came and went in between has not changed") {
  ObjectSet changed(3);
  AddChanges(MapOf("003"), MapOf("113"), &changed);
  AddChanges(MapOf("113"), MapOf("010"), &changed);
  DropAbsent(MapOf("003"), MapOf("010"), &changed);
  CHECK(Text(changed) == "-xx");
}

TEST_CASE("a header that no image can have has no layout") {
  CHECK(MakeLayout(22, 0, 0) == ObjectLayout{1 << 22, 1 << 22, 1});
  CHECK(MakeLayout(22, 65536, 8) == ObjectLayout{1 << 22, 65536, 8});
  CHECK_FALSE(MakeLayout(64, 0, 0).has_value());
  CHECK_FALSE(MakeLayout(22, 65536, 0).has_value());
  CHECK_FALSE(MakeLayout(22, 65537, 8).has_value());
  CHECK_FALSE(MakeLayout(62, 65536, 4).has_value());  // the bytes of a set would be 0 in 64 bits
}

TEST_CASE("an image has as many objects as librbd counts") {
  CHECK(ObjectCount(kPlain, 0) == 0);
  CHECK(ObjectCount(kPlain, 1) == 1);
  CHECK(ObjectCount(kPlain, 200) == 2);
  CHECK(ObjectCount(kPlain, 201) == 3);
  const ObjectLayout striped = {.object_bytes = 100, .stripe_unit = 10, .stripe_count = 4};
  CHECK(ObjectCount(striped, 400) == 4);
  CHECK(ObjectCount(striped, 401) == 5);
  CHECK(ObjectCount(striped, 425) == 7);
  CHECK(ObjectCount(striped, 500) == 8);
}

TEST_CASE("neighbours are one range and the last one ends with the volume") {
  CHECK(Ranges(Objects("-xx-x", 450)) == std::vector<Extent>{{100, 200}, {400, 50}});
  CHECK(Ranges(Objects("-----", 450)).empty());
  CHECK(Ranges(Objects("", 0)).empty());
}

TEST_CASE("the stripes of an object are its ranges") {
  const ObjectLayout striped = {.object_bytes = 20, .stripe_unit = 10, .stripe_count = 2};
  CHECK(Ranges(ObjectExtents(striped, SetOf("x---"), 80)) ==
        std::vector<Extent>{{0, 10}, {20, 10}});
  CHECK(Ranges(ObjectExtents(striped, SetOf("-xx-"), 80)) ==
        std::vector<Extent>{{10, 10}, {30, 20}, {60, 10}});
}

TEST_CASE("ranges that overlap or touch are one, wherever they come from") {
  std::vector<std::unique_ptr<ExtentSource>> sources;
  sources.push_back(Objects("x--x----x", 900));
  sources.push_back(Clip(Objects("xxxxxxxxx", 900), {.offset = 50, .size = 100}));
  sources.push_back(Clip(Objects("xxxxxxxxx", 900), {.offset = 380, .size = 120}));
  CHECK(Ranges(Union(std::move(sources))) == std::vector<Extent>{{0, 150}, {300, 200}, {800, 100}});
}

TEST_CASE("nothing lies within an empty window") {
  CHECK(Ranges(Clip(Objects("xxx", 300), {.offset = 150, .size = 0})).empty());
}

TEST_CASE("from every offset on, the ranges are the rest of the whole") {
  const auto make = [] {
    std::vector<std::unique_ptr<ExtentSource>> sources;
    sources.push_back(Objects("x--xx---x", 870));
    sources.push_back(Clip(Objects("-x-------", 870), {.offset = 0, .size = 130}));
    return Union(std::move(sources));
  };
  const std::vector<Extent> whole = RangesFrom(*make(), 0);
  for (uint64_t from = 0; from <= 870; ++from) {
    std::vector<Extent> rest;
    std::copy_if(whole.begin(), whole.end(), std::back_inserter(rest),
                 [from](const Extent& range) { return range.end() > from; });
    std::vector<Extent> got = RangesFrom(*make(), from);
    REQUIRE(got.size() == rest.size());
    for (size_t i = 0; i < got.size(); ++i) {
      CHECK(got[i].end() == rest[i].end());
      // The first may begin anywhere before `from`, but not before it begins in the whole.
      CHECK((i == 0 ? got[i].offset >= rest[i].offset : got[i].offset == rest[i].offset));
      CHECK((got[i].offset <= from || got[i].offset == rest[i].offset));
    }
  }
}

TEST_CASE("an error in the middle of the ranges is the end's") {
  auto source = Objects("x-x-x", 500);
  int calls = 0;
  const absl::Status status = ForEachRange(*source, 0, [&](const Extent&) {
    return ++calls == 2 ? absl::CancelledError("enough") : absl::OkStatus();
  });
  CHECK(absl::IsCancelled(status));
  CHECK(calls == 2);
}

}  // namespace rbdcsi
