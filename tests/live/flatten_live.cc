// Marks, chains and turns on a real Ceph, also over RADOS namespaces and into the trash.
#include <cerrno>

#include "controller/chain.h"
#include "controller/flatten_marks.h"
#include "controller/image_features.h"
#include "controller/provisioner.h"
#include "controller/snapshotter.h"
#include "controller/sweeper.h"
#include "tests/live/live_ceph.h"

namespace rbdcsi::live {
namespace {

using Why = FlattenMark::Why;

// One RADOS namespace of the pool "store", by the clients of one controller.
struct Room {
  explicit Room(const std::string& rados_namespace = "",
                const std::shared_ptr<Cluster>& cluster = Connected())
      : images(MakeRbdImageStore(Open(cluster, rados_namespace))),
        snapshots(MakeRbdSnapshotStore(Open(cluster, rados_namespace))) {}
  static Pool Open(const std::shared_ptr<Cluster>& cluster, const std::string& rados_namespace) {
    return Must(Pool::Open(cluster, {.pool = "store", .rados_namespace = rados_namespace}));
  }
  PoolStores stores() const { return {.images = *images, .snapshots = *snapshots}; }
  ImageAddress AddressOf(const std::string& id) const {
    return {.pool = snapshots->PoolId(),
            .rados_namespace = snapshots->RadosNamespace(),
            .image_id = id};
  }
  std::unique_ptr<ImageStore> images;
  std::shared_ptr<SnapshotStore> snapshots;
};

// A world that is used again has it already.
void MakeNamespace(const char* name) {
  Pool pool = OpenPool(Connected());
  const int r = rbd_namespace_create(pool.get(), name);
  REQUIRE((r == 0 || r == -EEXIST));
}

struct Volume {
  std::string image;
  std::string id;
};

Volume Blank(const Room& room) {
  const std::string image = FreshImage("flat");
  Must(Provisioner(absl::Seconds(20)).Create(room.stores(), SpecFor(image)));
  return {image, Must(room.images->IdOf(image))};
}

// A clone of `source` as it is now in `room`, as deep as its record says.
Volume CloneOf(const Room& source_room, const Volume& source, const Room& room, uint64_t depth) {
  const Sight sight = Must(source_room.images->LookById(source.id));
  VolumeSpec wanted = SpecFor(FreshImage("flat"));
  wanted.record.source = source.image;
  wanted.record.depth = depth + 1;
  wanted.source = CloneSource{.text = source.image,
                              .image_id = source.id,
                              .snapshot = 0,
                              .size_bytes = sight.size_bytes,
                              .depth = depth,
                              .temporary = std::string(kTemporaryPrefix) + wanted.image,
                              .store = source_room.snapshots};
  Must(Provisioner(absl::Seconds(20)).Create(room.stores(), wanted));
  return {wanted.image, Must(room.images->IdOf(wanted.image))};
}

bool IsMarked(const Room& room, const std::string& id) {
  return Must(room.snapshots->MarkOf(room.AddressOf(id))).has_value();
}

TEST_CASE(
    "marks outlive their writer, the earliest comes first, and a stronger one takes its place") {
  const Room room;
  const Room other("", AnotherClient());
  const absl::Time now = absl::FromUnixSeconds(1700000000);
  Must(room.snapshots->Mark(room.AddressOf("live-b"), Why::kChain, now));
  Must(room.snapshots->Mark(room.AddressOf("live-a"), Why::kChain, now + absl::Seconds(1)));
  Must(room.snapshots->Mark(room.AddressOf("live-b"), Why::kChain, now + absl::Seconds(2)));
  std::vector<FlattenMark> marks = Must(other.snapshots->Marks());
  REQUIRE(marks.size() >= 2);
  CHECK(marks[0].image_id == "live-b");
  CHECK(marks[0].since == now);
  CHECK(marks[1].image_id == "live-a");
  Must(other.snapshots->Mark(room.AddressOf("live-a"), Why::kSnapshots, now - absl::Seconds(9)));
  marks = Must(room.snapshots->Marks());
  CHECK(marks[0].image_id == "live-a");
  CHECK(marks[0].why == Why::kSnapshots);
  for (const char* id : {"live-a", "live-b", "live-b"}) {
    Must(room.snapshots->Unmark(id));
    CHECK_FALSE(IsMarked(room, id));
  }
}

TEST_CASE(
    "a chain is followed into other namespaces and into the trash, and a deep clone is marked") {
  MakeNamespace("flat");
  const Room room;
  const Room other("flat");
  const Volume first = Blank(room);
  const Volume second = CloneOf(room, first, other, 0);
  const Volume third = CloneOf(other, second, room, 1);
  const Volume fourth = CloneOf(room, third, room, kFlattenDepth);
  Must(Provisioner(absl::Seconds(20)).Delete(*other.images, second.image));
  const std::vector<ImageAddress> chain =
      Must(WalkChain(*room.snapshots, room.AddressOf(fourth.id)));
  REQUIRE(chain.size() == 3);
  CHECK(chain[0].image_id == fourth.id);
  CHECK(chain[1].image_id == third.id);
  CHECK(chain[2] == other.AddressOf(second.id));
  CHECK_FALSE(IsMarked(room, third.id));
  CHECK(IsMarked(room, fourth.id));

  CloneSource source;
  source.image_id = fourth.id;
  source.depth = kMaxDepth;
  source.store = room.snapshots;
  Must(BoundDepth(source, true));  // the record's bound was too high
  CHECK(source.depth == 3);

  // A deleted one is flattened by its id as well, and everything above gets shorter.
  FlattenProgress progress;
  Must(other.snapshots->Flatten(second.id, &progress));
  CHECK(Must(WalkChain(*room.snapshots, room.AddressOf(fourth.id))).size() == 2);
  Must(other.snapshots->Flatten(second.id, &progress));
  Must(room.snapshots->Unmark(fourth.id));
}

TEST_CASE("one controller at a time has the turn at an image, and may keep it") {
  const Room room;
  const Room other("", AnotherClient());
  const Volume volume = Blank(room);
  CHECK(Must(room.snapshots->TakeFlattenTurn(volume.id)) == Taken::kTaken);
  CHECK(Must(room.snapshots->TakeFlattenTurn(volume.id)) == Taken::kTaken);
  CHECK(Must(other.snapshots->TakeFlattenTurn(volume.id)) == Taken::kHeld);
  Must(other.snapshots->EndFlattenTurn(volume.id));  // not its own
  CHECK(Must(other.snapshots->TakeFlattenTurn(volume.id)) == Taken::kHeld);
  Must(room.snapshots->EndFlattenTurn(volume.id));
  CHECK(Must(other.snapshots->TakeFlattenTurn(volume.id)) == Taken::kTaken);
  CHECK(Must(room.snapshots->TakeFlattenTurn("none")) == Taken::kGone);
}

TEST_CASE(
    "a volume with many snapshots has its clones marked, and a full one says what will help") {
  const Room room;
  const Volume source = Blank(room);
  const Volume clone = CloneOf(room, source, room, 0);
  const Volume later = CloneOf(room, source, room, 0);
  // The ids of snapshots that were removed since fill up the number.
  std::vector<uint64_t> ids = Must(room.images->LookById(source.id)).snapshots;
  REQUIRE(ids.size() == 2);
  ids.resize(kCrowdedSnapshots - 1, 1000000);
  const CrowdedImage image = {.what = "create snapshot s", .image_id = source.id, .snapshots = ids};
  const uint64_t before = OsdOperations();
  Must(MakeRoom(*room.snapshots, image));
  CHECK(OsdOperations() == before);
  CHECK_FALSE(IsMarked(room, clone.id));
  ids.push_back(1000000);
  Must(MakeRoom(*room.snapshots, image));
  CHECK(IsMarked(room, clone.id));
  CHECK(IsMarked(room, later.id));
  const std::vector<FlattenMark> marks = Must(room.snapshots->Marks());
  REQUIRE(marks.size() == 2);
  CHECK(marks[0].image_id == clone.id);  // it holds the older snapshot
  CHECK(marks[0].why == Why::kSnapshots);

  ids.resize(kMaxSnapshots, 1000000);
  const absl::Status busy = MakeRoom(*room.snapshots, image);
  INFO(busy.ToString());
  CHECK(absl::IsAborted(busy));
  FlattenProgress progress;
  for (const Volume& one : {clone, later}) {
    Must(room.snapshots->Flatten(one.id, &progress));
    Must(room.snapshots->Unmark(one.id));
  }
  CHECK(Must(room.images->LookById(source.id)).snapshots.empty());
  const absl::Status full = MakeRoom(*room.snapshots, image);
  INFO(full.ToString());
  CHECK(absl::IsResourceExhausted(full));
}

TEST_CASE("what nobody finishes is cleared away when it is old, and nothing else is") {
  MakeNamespace("sweep");
  const OpenedPool pool = {.images = MakeRbdImageStore(Room::Open(Connected(), "sweep")),
                           .snapshots = MakeRbdSnapshotStore(Room::Open(Connected(), "sweep"))};
  Pool raw = Room::Open(Connected(), "sweep");
  const Room room("sweep");
  const Volume volume = Blank(room);
  const uint64_t features = kDefaultImageFeatures;
  const std::string half = FreshImage("half");
  const std::string written = FreshImage("written");
  RawCreate(raw, half, 64 * kMiB, features);
  RawCreate(raw, written, 64 * kMiB, features);
  RawWrite(raw, written);
  const std::string temporary = std::string(kTemporaryPrefix) + "csi.never";
  Must(room.snapshots->Create(volume.id, temporary));
  Must(room.snapshots->Create(volume.id, "csi.wanted"));
  const auto go_on = [](absl::Duration) { return true; };

  Must(Sweep(pool, absl::Now() + absl::Minutes(5), go_on));
  CHECK(Must(room.images->Look(half)).state == Sight::State::kPresent);
  CHECK(Must(room.images->Look(volume.image)).snapshots.size() == 2);

  Must(Sweep(pool, absl::Now() + absl::Hours(2), go_on));
  CHECK(Must(room.images->Look(half)).state == Sight::State::kAbsent);
  CHECK(Must(room.images->Trash()).size() == 1);
  CHECK(Must(room.images->Look(written)).state == Sight::State::kPresent);
  const Sight sight = Must(room.images->Look(volume.image));
  REQUIRE(sight.snapshots.size() == 1);
  CHECK(Must(room.snapshots->Snapshots(volume.id, sight.snapshots)).at(0).name == "csi.wanted");
}

}  // namespace
}  // namespace rbdcsi::live
