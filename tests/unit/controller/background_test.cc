// What the reaper, the sweeper and the flattener decide about what they see: pure.
#include "controller/flatten_marks.h"
#include "controller/left_snapshots.h"
#include "controller/reaper.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

absl::Time Now() { return absl::FromUnixSeconds(1000000); }

SnapshotInfo Snapshot(SnapshotNamespace name_space, const std::string& name, uint32_t children) {
  SnapshotInfo snapshot;
  snapshot.name_space = name_space;
  snapshot.name = name;
  snapshot.children = children;
  snapshot.taken = Now() - absl::Hours(1);
  return snapshot;
}

TEST_CASE("a deleted volume stays for its snapshots and for the clones of removed ones") {
  const SnapshotInfo user = Snapshot(SnapshotNamespace::kUser, "csi.s", 0);
  const SnapshotInfo group = Snapshot(SnapshotNamespace::kGroup, "", 0);
  const SnapshotInfo held = Snapshot(SnapshotNamespace::kTrash, "", 1);
  const SnapshotInfo left = Snapshot(SnapshotNamespace::kTrash, "", 0);
  CHECK(WhyKept({}) == Kept::kNot);
  CHECK(WhyKept({left}) == Kept::kNot);
  CHECK(WhyKept({user}) == Kept::kSnapshots);
  CHECK(WhyKept({left, group}) == Kept::kSnapshots);
  CHECK(WhyKept({held, left}) == Kept::kClones);
  CHECK(WhyKept({held, user}) == Kept::kSnapshots);
}

TEST_CASE("a temporary snapshot is stale when no call can still want it, and nothing else is") {
  SnapshotInfo temporary = Snapshot(SnapshotNamespace::kUser, "rbd-csi.clone.csi.a", 0);
  const SnapshotInfo user = Snapshot(SnapshotNamespace::kUser, "csi.s", 0);
  const SnapshotInfo removed = Snapshot(SnapshotNamespace::kTrash, "rbd-csi.clone.csi.b", 1);
  CHECK(StaleTemporaries({temporary, user, removed}, Now()) ==
        std::vector<std::string>{temporary.name});
  temporary.taken = Now() - absl::Minutes(9);
  CHECK(StaleTemporaries({temporary}, Now()).empty());
}

TEST_CASE("a removed snapshot that no clone holds is half-removed") {
  CHECK(IsHalfRemoved(Snapshot(SnapshotNamespace::kTrash, "csi.s", 0)));
  CHECK_FALSE(IsHalfRemoved(Snapshot(SnapshotNamespace::kTrash, "csi.s", 1)));
  CHECK_FALSE(IsHalfRemoved(Snapshot(SnapshotNamespace::kUser, "csi.s", 0)));
}

TEST_CASE("a mark for flattening comes back as it was written, and a strange one is none") {
  const FlattenMark mark = {.image_id = "1a2b",
                            .why = FlattenMark::Why::kSnapshots,
                            .since = absl::FromUnixMillis(1234567890123),
                            .percent = 42};
  const auto read = FlattenMark::FromJson("1a2b", mark.ToJson());
  REQUIRE(read.has_value());
  CHECK(read->image_id == mark.image_id);
  CHECK(read->why == mark.why);
  CHECK(read->since == mark.since);
  CHECK(read->percent == 42);
  for (const char* text :
       {"", "[]", "{}", R"({"v":2,"why":"chain","since":1})", R"({"v":1,"why":"fun","since":1})",
        R"({"v":1,"why":"chain","since":"x"})", R"({"v":1,"why":"chain","percent":1e91})",
        R"({"v":1,"why":["chain"]})"}) {
    INFO(text);
    CHECK_FALSE(FlattenMark::FromJson("1", text).has_value());
  }
}

}  // namespace
}  // namespace rbdcsi
