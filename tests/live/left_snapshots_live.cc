// A snapshot whose remover died in the middle of librbd's removal, made by hand: nothing of it and
// of its image may stay.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "controller/class_calls.h"
#include "controller/left_snapshots.h"
#include "controller/provisioner.h"
#include "controller/snapshot_calls.h"
#include "controller/snapshotter.h"
#include "tests/live/live_ceph.h"

namespace rbdcsi::live {
namespace {

// Nothing is left of them in the list of numbers that the OSDs still have to purge.
void WaitUntilPurged(Pool& pool) {
  const absl::Time end = absl::Now() + absl::Seconds(60);
  bool purged = false;
  while (!purged && absl::Now() < end) {
    absl::SleepFor(absl::Milliseconds(300));
    const std::string reply =
        Must(pool.cluster().MonitorCommand(R"({"prefix": "osd dump", "format": "json"})"));
    purged = nlohmann::json::parse(reply).at("removed_snaps_queue").empty();
  }
  REQUIRE(purged);
}

// `rados ls` shows an object also when only clones of it are left.
std::vector<std::string> DataObjects(Pool& pool, const std::string& image_id) {
  std::vector<std::string> names;
  rados_list_ctx_t list = nullptr;
  REQUIRE(rados_nobjects_list_open(pool.get(), &list) == 0);
  const char* name = nullptr;
  while (rados_nobjects_list_next(list, &name, nullptr, nullptr) == 0) {
    if (absl::StartsWith(name, "rbd_data." + image_id)) {
      names.emplace_back(name);
    }
  }
  rados_nobjects_list_close(list);
  return names;
}

struct Left {
  Left() {
    Must(Provisioner(absl::Seconds(20)).Create(stores(), SpecFor(image)));
    RawWrite(raw, image);
    const FoundSnapshot taken = Must(Snapshotter().Create(
        stores(), {.image = image, .snapshot = snapshot, .name = "a snapshot"}));
    id = taken.image_id;
    // What rbd_snap_remove does before it takes the snapshot out of the header.
    REQUIRE(WriteOp()
                .Exec("rbd", "snapshot_trash_add", class_calls::SnapshotInput(taken.info.id))
                .Run(raw, class_calls::HeaderObject(id)) == 0);
    REQUIRE(rados_ioctx_selfmanaged_snap_remove(raw.get(), taken.info.id) == 0);
    WaitUntilPurged(raw);
  }
  PoolStores stores() const { return {.images = *images, .snapshots = *snapshots}; }
  Sight Look() const { return Must(images->LookById(id)); }
  void Delete() const { Must(Provisioner(absl::Seconds(20)).Delete(*images, image)); }
  void Purge() const {
    Must(images->Purge(
        {.id = id, .name = image, .by_user = true, .deferred_until = absl::InfinitePast()}));
  }

  std::unique_ptr<ImageStore> images = OpenStore(Connected());
  std::unique_ptr<SnapshotStore> snapshots = MakeRbdSnapshotStore(OpenPool(Connected()));
  Pool raw = OpenPool(Connected());
  std::string image = FreshImage("left");
  std::string snapshot = FreshImage("left-snap");
  std::string id;
};

TEST_CASE("a half-removed snapshot is finished before its image is removed, and no data stays") {
  const Left left;
  left.Delete();
  CHECK(Must(RemoveLeftSnapshots(*left.snapshots, left.Look(), absl::Now())));
  CHECK(left.Look().snapshots.empty());
  CHECK_FALSE(Must(RemoveLeftSnapshots(*left.snapshots, left.Look(), absl::Now())));
  left.Purge();
  Pool raw = OpenPool(Connected());
  CHECK(DataObjects(raw, left.id).empty());
}

TEST_CASE("the repeated deletion of a snapshot finishes the first one") {
  const Left left;
  const SnapshotId id = {
      .volume = {.cluster = "live", .pool = "store", .rados_namespace = "", .image = left.image},
      .snapshot = left.snapshot};
  Must(Snapshotter().Delete(left.stores(), id));
  CHECK(left.Look().snapshots.empty());
  CHECK(Must(left.snapshots->Claim(left.snapshot)).empty());
  Must(Snapshotter().Delete(left.stores(), id));
  Pool raw = OpenPool(Connected());
  left.Delete();
  left.Purge();
  CHECK(DataObjects(raw, left.id).empty());
}

}  // namespace
}  // namespace rbdcsi::live
