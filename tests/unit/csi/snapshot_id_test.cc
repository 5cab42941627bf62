#include "csi/snapshot_id.h"

#include "tests/catch.h"

namespace rbdcsi {

TEST_CASE("a snapshot id survives being written and read") {
  for (const SnapshotId& id :
       {SnapshotId{{"main", "rbd", "", "csi.pvc-1"}, "csi.snapshot-1"},
        SnapshotId{{"main", "rbd", "team-a", "my image"}, "before the upgrade"},
        SnapshotId{{"main", "rbd", "", "csi.pvc-1"}, ".group.1_10ab_20cd"}}) {
    CHECK(SnapshotId::Parse(id.ToString()) == id);
  }
  CHECK(SnapshotId{{"main", "rbd", "", "csi.a"}, "csi.s"}.ToString() == "main/rbd/csi.a@csi.s");
}

TEST_CASE("an id that would be too long leaves out the image") {
  const std::string uuid = "0b9a7a2e-9d4c-4b1e-8a57-3f6f3f6b2c11";
  const SnapshotId id = {{uuid, "kubernetes", "", "csi.pvc-" + uuid}, "csi.snapshot-" + uuid};
  const std::string text = id.ToString();
  CHECK(text == uuid + "/kubernetes/@csi.snapshot-" + uuid);
  const auto parsed = SnapshotId::Parse(text);
  REQUIRE(parsed.has_value());
  CHECK(parsed->volume.image.empty());
  CHECK(parsed->snapshot == id.snapshot);
  CHECK(parsed->ToString() == text);
}

TEST_CASE("ids that are not snapshots' name no snapshot") {
  for (const std::string text :
       {"", "none-exist-id", "main/rbd/csi.a", "main/rbd/csi.a@", "@s", "/@s", "main/@s",
        "main/rbd/csi.a@b@c", "main/rbd/csi.a@b/c", "main/rbd/csi.a@b\n"}) {
    INFO(text);
    CHECK_FALSE(SnapshotId::Parse(text).has_value());
  }
  CHECK_FALSE(SnapshotId::Parse("c/p/i@" + std::string(128, 's')).has_value());
}

}  // namespace rbdcsi
