// Snapshots and volumes from a source, on a real Ceph: what they cost, and librbd's own view of
// what the class calls have made.
#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "controller/class_calls.h"
#include "controller/image_features.h"
#include "controller/provisioner.h"
#include "controller/snapshotter.h"
#include "tests/live/live_ceph.h"

namespace rbdcsi::live {
namespace {

struct Both {
  std::unique_ptr<ImageStore> images = OpenStore(Connected());
  std::shared_ptr<SnapshotStore> snapshots = MakeRbdSnapshotStore(OpenPool(Connected()));
  PoolStores stores() const { return {.images = *images, .snapshots = *snapshots}; }
};

std::string Read(Pool& pool, const std::string& image, size_t size) {
  rbd_image_t opened = nullptr;
  REQUIRE(rbd_open_read_only(pool.get(), image.c_str(), &opened, nullptr) == 0);
  std::string data(size, '\0');
  REQUIRE(rbd_read(opened, 0, size, data.data()) == static_cast<ssize_t>(size));
  rbd_close(opened);
  return data;
}

void Write(Pool& pool, const std::string& image, const std::string& data) {
  rbd_image_t opened = nullptr;
  REQUIRE(rbd_open(pool.get(), image.c_str(), &opened, nullptr) == 0);
  REQUIRE(rbd_write(opened, 0, data.size(), data.data()) == static_cast<ssize_t>(data.size()));
  REQUIRE(rbd_flush(opened) == 0);
  rbd_close(opened);
}

SnapshotId IdOf(const std::string& image, const std::string& snapshot) {
  return {.volume = {.cluster = "live", .pool = "store", .rados_namespace = "", .image = image},
          .snapshot = snapshot};
}

// A volume with the text "first" at its beginning, and a snapshot of it.
struct Source {
  explicit Source(const Both& pool) : image(FreshImage("source")), snapshot(FreshImage("snap")) {
    Must(Provisioner(absl::Seconds(20)).Create(pool.stores(), SpecFor(image)));
    Pool raw = OpenPool(Connected());
    Write(raw, image, "first");
    Must(Snapshotter().Create(pool.stores(),
                              {.image = image, .snapshot = snapshot, .name = "a snapshot"}));
  }
  std::string image;
  std::string snapshot;
};

VolumeSpec CloneSpec(const Both& pool, const Source& source, uint64_t size) {
  const FoundSnapshot found =
      Must(Snapshotter().Find(pool.stores(), IdOf(source.image, source.snapshot)));
  VolumeSpec wanted = SpecFor(FreshImage("clone"));
  wanted.range.required_bytes = size;
  wanted.record.source = "a snapshot";
  wanted.source = CloneSource{.text = "a snapshot",
                              .image_id = found.image_id,
                              .snapshot = found.info.id,
                              .size_bytes = found.info.size,
                              .depth = 0,
                              .temporary = "",
                              .store = pool.snapshots};
  return wanted;
}

VolumeSpec CopySpec(const Both& pool, const std::string& image) {
  const Sight sight = Must(pool.images->Look(image));
  VolumeSpec wanted = SpecFor(FreshImage("copy"));
  wanted.record.source = "a volume";
  wanted.source = CloneSource{.text = "a volume",
                              .image_id = sight.id,
                              .snapshot = 0,
                              .size_bytes = sight.size_bytes,
                              .depth = 0,
                              .temporary = std::string(kTemporaryPrefix) + wanted.image,
                              .store = pool.snapshots};
  return wanted;
}

std::vector<SnapshotInfo> SnapshotsOf(const Both& pool, const std::string& id) {
  const Sight sight = Must(pool.images->LookById(id));
  return Must(pool.snapshots->Snapshots(id, sight.snapshots));
}

TEST_CASE("a snapshot costs at most 38 operations, its repeat 6, its removal 38") {
  const Both pool;
  const std::string image = FreshImage("snapped");
  Must(Provisioner(absl::Seconds(20)).Create(pool.stores(), SpecFor(image)));
  const SnapshotSpec wanted = {.image = image, .snapshot = FreshImage("s"), .name = "s"};
  uint64_t before = OsdOperations();
  const FoundSnapshot made = Must(Snapshotter().Create(pool.stores(), wanted));
  INFO(OsdOperations() - before);
  CHECK(OsdOperations() - before <= 38);
  before = OsdOperations();
  CHECK(Must(Snapshotter().Create(pool.stores(), wanted)).info.id == made.info.id);
  CHECK(OsdOperations() - before <= 6);
  before = OsdOperations();
  Must(Snapshotter().Delete(pool.stores(), IdOf(image, wanted.snapshot)));
  CHECK(OsdOperations() - before <= 38);
  CHECK(absl::IsNotFound(Snapshotter().Find(pool.stores(), IdOf(image, wanted.snapshot)).status()));
  Must(Snapshotter().Delete(pool.stores(), IdOf(image, wanted.snapshot)));
}

// A watcher that takes its time, as a kernel that has mapped the image and is busy.
class SlowWatcher {
 public:
  SlowWatcher(Pool& pool, std::string object) : pool_(pool), object_(std::move(object)) {
    REQUIRE(rados_watch3(pool_.get(), object_.c_str(), &cookie_, Acknowledge, nullptr, 30, this) ==
            0);
  }
  ~SlowWatcher() { rados_unwatch2(pool_.get(), cookie_); }
  SlowWatcher(const SlowWatcher&) = delete;
  SlowWatcher& operator=(const SlowWatcher&) = delete;

 private:
  static void Acknowledge(void* self, uint64_t notify, uint64_t cookie, uint64_t, void*, size_t) {
    auto* watcher = static_cast<SlowWatcher*>(self);
    absl::SleepFor(absl::Milliseconds(50));
    rados_notify_ack(watcher->pool_.get(), watcher->object_.c_str(), notify, cookie, nullptr, 0);
  }
  Pool& pool_;
  const std::string object_;
  uint64_t cookie_ = 0;
};

TEST_CASE("what changes one image at once, beside a slow watcher, is all done") {
  constexpr int kCallers = 3;
  const Both pool;
  Pool raw = OpenPool(Connected());
  Pool watching = OpenPool(AnotherClient());
  Provisioner provisioner(absl::Seconds(20));
  const std::string image = FreshImage("busy");
  Must(provisioner.Create(pool.stores(), SpecFor(image)));
  const std::string id = RawId(raw, image);
  // Whose removal takes the image's last snapshots with it.
  std::vector<TrashedImage> copies;
  for (int number = 0; number < kCallers; ++number) {
    const VolumeSpec copy = CopySpec(pool, image);
    Must(provisioner.Create(pool.stores(), copy));
    copies.push_back({.id = RawId(raw, copy.image),
                      .name = copy.image,
                      .by_user = true,
                      .deferred_until = absl::Now()});
    Must(provisioner.Delete(*pool.images, copy.image));
  }
  const SlowWatcher watcher(watching, class_calls::HeaderObject(id));
  std::vector<absl::Status> made(kCallers);
  std::vector<absl::Status> purged(kCallers);
  {
    std::vector<std::jthread> callers;
    for (int number = 0; number < kCallers; ++number) {
      callers.emplace_back(
          [&, number] { made[number] = pool.snapshots->Create(id, "s" + std::to_string(number)); });
      callers.emplace_back([&, number] { purged[number] = pool.images->Purge(copies[number]); });
    }
  }
  for (int number = 0; number < kCallers; ++number) {
    Must(made[number]);
    Must(purged[number]);
  }
  CHECK(SnapshotsOf(pool, id).size() == kCallers);
}

TEST_CASE("what two programs change in one image at once, beside a slow watcher, is all done") {
  constexpr int kCallers = 2;
  constexpr int kEach = 3;
  const Both pool;
  const auto other = MakeRbdSnapshotStore(OpenPool(AnotherClient()));
  Pool raw = OpenPool(Connected());
  Pool watching = OpenPool(AnotherClient());
  for (int round = 0; round < 3; ++round) {
    const std::string image = FreshImage("shared");
    Must(Provisioner(absl::Seconds(20)).Create(pool.stores(), SpecFor(image)));
    const std::string id = RawId(raw, image);
    const SlowWatcher watcher(watching, class_calls::HeaderObject(id));
    std::vector<absl::Status> made(2 * kCallers);
    {
      std::vector<std::jthread> callers;
      for (int caller = 0; caller < 2 * kCallers; ++caller) {
        callers.emplace_back([&, caller] {
          SnapshotStore& store = caller % 2 == 0 ? *pool.snapshots : *other;
          for (int number = 0; number < kEach; ++number) {
            made[caller].Update(
                store.Create(id, "s" + std::to_string(caller) + "-" + std::to_string(number)));
          }
        });
      }
    }
    for (const absl::Status& status : made) {
      Must(status);
    }
    CHECK(SnapshotsOf(pool, id).size() == size_t{2} * kCallers * kEach);
  }
}

TEST_CASE("a snapshot read by class calls is the one that librbd lists") {
  const Both pool;
  const Source source(pool);
  const FoundSnapshot found =
      Must(Snapshotter().Find(pool.stores(), IdOf(source.image, source.snapshot)));
  Pool raw = OpenPool(Connected());
  rbd_image_t image = nullptr;
  REQUIRE(rbd_open_read_only(raw.get(), source.image.c_str(), &image, nullptr) == 0);
  rbd_snap_info_t listed[2] = {};
  int room = 2;
  REQUIRE(rbd_snap_list(image, listed, &room) == 1);
  timespec taken = {};
  REQUIRE(rbd_snap_get_timestamp(image, listed[0].id, &taken) == 0);
  CHECK(found.info.id == listed[0].id);
  CHECK(found.info.name == std::string(listed[0].name));
  CHECK(found.info.size == listed[0].size);
  CHECK(absl::ToTimespec(found.info.taken).tv_sec == taken.tv_sec);
  CHECK(absl::ToTimespec(found.info.taken).tv_nsec == taken.tv_nsec);
  rbd_snap_list_end(listed);
  rbd_close(image);
}

TEST_CASE("the same snapshot name on another volume already exists") {
  const Both pool;
  const Source source(pool);
  const std::string other = FreshImage("other");
  Must(Provisioner(absl::Seconds(20)).Create(pool.stores(), SpecFor(other)));
  const absl::Status status =
      Snapshotter()
          .Create(pool.stores(), {.image = other, .snapshot = source.snapshot, .name = "x"})
          .status();
  CHECK(absl::IsAlreadyExists(status));
  CHECK(std::string(status.message()).find(source.image) != std::string::npos);
}

TEST_CASE("a clone costs at most 18 operations and is one that librbd reads, lists and flattens") {
  const Both pool;
  const Source source(pool);
  Pool raw = OpenPool(Connected());
  Write(raw, source.image, "later");
  const uint64_t before = OsdOperations();
  const VolumeSpec wanted = CloneSpec(pool, source, 80 * kMiB);
  CHECK(Must(Provisioner(absl::Seconds(20)).Create(pool.stores(), wanted)) == 80 * kMiB);
  INFO(OsdOperations() - before);
  CHECK(OsdOperations() - before <= 18);
  CHECK(Read(raw, wanted.image, 5) == "first");

  rbd_image_t parent = nullptr;
  REQUIRE(rbd_open_read_only(raw.get(), source.image.c_str(), &parent, nullptr) == 0);
  REQUIRE(rbd_snap_set(parent, source.snapshot.c_str()) == 0);
  rbd_linked_image_spec_t children[2] = {};
  size_t count = 2;
  REQUIRE(rbd_list_children3(parent, children, &count) == 0);
  REQUIRE(count == 1);
  CHECK(std::string(children[0].image_name) == wanted.image);
  rbd_linked_image_spec_list_cleanup(children, count);
  rbd_close(parent);

  rbd_image_t clone = nullptr;
  REQUIRE(rbd_open(raw.get(), wanted.image.c_str(), &clone, nullptr) == 0);
  uint64_t overlap = 0;
  REQUIRE(rbd_get_overlap(clone, &overlap) == 0);
  CHECK(overlap == 64 * kMiB);
  REQUIRE(rbd_flatten(clone) == 0);
  rbd_close(clone);
  CHECK(Read(raw, wanted.image, 5) == "first");
  CHECK_FALSE(Must(pool.images->Look(wanted.image)).parent.has_value());
  const auto left = SnapshotsOf(pool, Must(pool.images->IdOf(source.image)));
  CHECK(left.at(0).children == 0);
}

TEST_CASE("a copy of a volume leaves no snapshot behind and costs at most 90 operations") {
  const Both pool;
  Pool raw = OpenPool(Connected());
  const Source source(pool);
  Write(raw, source.image, "later");
  const uint64_t before = OsdOperations();
  const VolumeSpec wanted = CopySpec(pool, source.image);
  Must(Provisioner(absl::Seconds(20)).Create(pool.stores(), wanted));
  INFO(OsdOperations() - before);
  CHECK(OsdOperations() - before <= 90);
  Write(raw, source.image, "still");
  CHECK(Read(raw, wanted.image, 5) == "later");
  const auto all = SnapshotsOf(pool, Must(pool.images->IdOf(source.image)));
  CHECK(std::count_if(all.begin(), all.end(), [](const SnapshotInfo& info) {
          return info.name_space == SnapshotNamespace::kUser;
        }) == 1);
}

TEST_CASE("a deleted volume's snapshot is found, cloned and removed, and then nothing is left") {
  const Both pool;
  Pool raw = OpenPool(Connected());
  const Source source(pool);
  const std::string id = Must(pool.images->IdOf(source.image));
  Provisioner provisioner(absl::Seconds(20));
  Must(provisioner.Delete(*pool.images, source.image));
  // A new volume of the same name is none of its business.
  Must(provisioner.Create(pool.stores(), SpecFor(source.image)));
  const VolumeSpec wanted = CloneSpec(pool, source, 64 * kMiB);
  Must(provisioner.Create(pool.stores(), wanted));
  CHECK(Read(raw, wanted.image, 5) == "first");
  const TrashedImage trashed = {
      .id = id, .name = source.image, .by_user = true, .deferred_until = absl::Now()};
  CHECK_FALSE(pool.images->Purge(trashed).ok());
  Must(Snapshotter().Delete(pool.stores(), IdOf(source.image, source.snapshot)));
  CHECK(Read(raw, wanted.image, 5) == "first");
  CHECK_FALSE(pool.images->Purge(trashed).ok());
  Must(provisioner.Delete(*pool.images, wanted.image));
  const std::vector<TrashedImage> trash = Must(pool.images->Trash());
  for (const TrashedImage& image : trash) {
    if (image.name == wanted.image) {
      Must(pool.images->Purge(image));
    }
  }
  Must(pool.images->Purge(trashed));
  CHECK(Must(pool.images->LookById(id)).state == Sight::State::kAbsent);
}

TEST_CASE("a half-made clone is finished, and one whose source has gone is cleared away") {
  const Both pool;
  Pool raw = OpenPool(Connected());
  const Source source(pool);
  Provisioner provisioner(absl::Seconds(20));
  const VolumeSpec wanted = CloneSpec(pool, source, 64 * kMiB);
  RawCreate(raw, wanted.image, 64 * kMiB, wanted.spec.features);
  SECTION("without its parent") {}
  SECTION("with its parent, which does not know of it") {
    const class_calls::Parent parent = {.pool = pool.snapshots->PoolId(),
                                        .rados_namespace = "",
                                        .image_id = (*wanted.source)->image_id,
                                        .snapshot = (*wanted.source)->snapshot};
    Must(pool.snapshots->AttachParent(RawId(raw, wanted.image), parent, 64 * kMiB));
  }
  SECTION("whose source is gone") {
    Must(Snapshotter().Delete(pool.stores(), IdOf(source.image, source.snapshot)));
    const absl::Status status = provisioner.Create(pool.stores(), wanted).status();
    INFO(status.ToString());
    CHECK(absl::IsNotFound(status));
    CHECK(Must(pool.images->Look(wanted.image)).state == Sight::State::kAbsent);
    return;
  }
  Must(provisioner.Create(pool.stores(), wanted));
  CHECK(Read(raw, wanted.image, 5) == "first");
  CHECK(SnapshotsOf(pool, (*wanted.source)->image_id).at(0).children == 1);
}

TEST_CASE("a copy whose temporary snapshot is gone already is finished") {
  const Both pool;
  Pool raw = OpenPool(Connected());
  const Source source(pool);
  Provisioner provisioner(absl::Seconds(20));
  const VolumeSpec wanted = CopySpec(pool, source.image);
  const CloneSource& from = **wanted.source;
  RawCreate(raw, wanted.image, 64 * kMiB, wanted.spec.features);
  Cloner cloner;
  const CloneBase base = Must(cloner.Prepare(from, std::nullopt));
  Must(cloner.Attach(*pool.snapshots, RawId(raw, wanted.image), from, base));
  Must(provisioner.Create(pool.stores(), wanted));
  CHECK(Read(raw, wanted.image, 5) == "first");
  CHECK(SnapshotsOf(pool, from.image_id).size() == 2);  // the source's own, and one in the trash
}

TEST_CASE("a clone that exists is the answer, though its source is gone") {
  const Both pool;
  const Source source(pool);
  Provisioner provisioner(absl::Seconds(20));
  VolumeSpec wanted = CloneSpec(pool, source, 64 * kMiB);
  Must(provisioner.Create(pool.stores(), wanted));
  wanted.source = absl::NotFoundError("gone");
  CHECK(Must(provisioner.Create(pool.stores(), wanted)) == 64 * kMiB);
  wanted.record.source = "another snapshot";
  CHECK(absl::IsAlreadyExists(provisioner.Create(pool.stores(), wanted).status()));
}

}  // namespace
}  // namespace rbdcsi::live
