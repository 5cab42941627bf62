// The exact bytes of the group calls, and decoding of what is cut off.
#include "controller/group_calls.h"

#include <string>

#include "absl/strings/escaping.h"
#include "controller/wire.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

std::string Hex(const std::string& bytes) { return absl::BytesToHexString(bytes); }

// A group_snap_list reply with one complete snapshot of one member; `version` as its writer's.
std::string SnapshotsReply(uint8_t version, const std::string& appended) {
  const std::string member = Encoder().U64(2).Text("image").U64(7).Struct(1);
  std::string body = Encoder().Text("id").Text("snap").U8(1).U32(1).bytes() + member + appended;
  return Encoder().U32(1).U8(version).U8(1).Text(body).bytes();
}

TEST_CASE("the inputs of the group calls are the bytes that librbd sends") {
  CHECK(Hex(class_calls::GroupImagesInput(2)) ==
        "01010c00000000000000ffffffffffffffff0200000000000000");
  CHECK(Hex(class_calls::GroupSnapshotsInput(2)) ==
        "01010d000000000000000000000000000000000200000000000000");
  CHECK(Hex(class_calls::GroupImageInput(2, "i")) == "01010d00000001000000690200000000000000");
}

TEST_CASE("a group snapshot is read with its members, also when a newer Ceph says more of it") {
  for (const std::string& reply : {SnapshotsReply(1, ""), SnapshotsReply(2, "something new")}) {
    const auto snapshots = class_calls::DecodeGroupSnapshots(reply);
    REQUIRE(snapshots.has_value());
    REQUIRE(snapshots->size() == 1);
    const class_calls::GroupSnapshot& snapshot = snapshots->front();
    CHECK(snapshot.id == "id");
    CHECK(snapshot.name == "snap");
    CHECK(snapshot.complete);
    REQUIRE(snapshot.members.size() == 1);
    CHECK(snapshot.members[0].pool == 2);
    CHECK(snapshot.members[0].image_id == "image");
    CHECK(snapshot.members[0].snapshot == 7);
  }
}

TEST_CASE("a reply about groups that is cut off anywhere is refused") {
  const std::string snapshots = SnapshotsReply(1, "");
  for (size_t size = 0; size < snapshots.size(); ++size) {
    CHECK_FALSE(class_calls::DecodeGroupSnapshots(snapshots.substr(0, size)).has_value());
  }
  const std::string spec = Encoder().Text("image").U64(2).Struct(1);
  const std::string images = Encoder().U32(1).U8(1).U8(1).Text(spec + std::string(1, '\0')).bytes();
  REQUIRE(class_calls::DecodeGroupImages(images).has_value());
  CHECK(class_calls::DecodeGroupImages(images)->front().attached);
  for (size_t size = 0; size < images.size(); ++size) {
    CHECK_FALSE(class_calls::DecodeGroupImages(images.substr(0, size)).has_value());
  }
}

TEST_CASE("a member or an image whose own struct is too short is no member and no image") {
  const std::string empty = Encoder().Struct(1);
  CHECK_FALSE(class_calls::DecodeGroupImages(Encoder().U32(1).bytes() + empty).has_value());
  const std::string snapshot =
      Encoder()
          .U8(1)
          .U8(1)
          .Text(Encoder().Text("id").Text("snap").U8(1).U32(1).bytes() + empty)
          .bytes();
  CHECK_FALSE(class_calls::DecodeGroupSnapshots(Encoder().U32(1).bytes() + snapshot).has_value());
}

}  // namespace
}  // namespace rbdcsi
