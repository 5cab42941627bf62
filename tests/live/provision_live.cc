// Volumes made, repeated, deleted and raced for, on a real Ceph, and what each costs the OSD.
#include <algorithm>
#include <thread>
#include <vector>

#include "controller/class_calls.h"
#include "controller/image_features.h"
#include "controller/image_header.h"
#include "controller/provisioner.h"
#include "tests/live/live_ceph.h"

namespace rbdcsi::live {
namespace {

TEST_CASE("creating costs at most 10 operations, repeating 6, deleting 34") {
  const auto store = OpenStore(Connected());
  Provisioner provisioner(absl::Seconds(20));
  const VolumeSpec wanted = SpecFor(FreshImage("cost"));
  uint64_t before = OsdOperations();
  Must(Create(provisioner, *store, wanted));
  CHECK(OsdOperations() - before <= 10);
  before = OsdOperations();
  Must(Create(provisioner, *store, wanted));
  CHECK(OsdOperations() - before <= 6);
  before = OsdOperations();
  Must(provisioner.Delete(*store, wanted.image));
  CHECK(OsdOperations() - before <= 34);
}

TEST_CASE("the same name with another size or other parameters already exists") {
  const auto store = OpenStore(Connected());
  Provisioner provisioner(absl::Seconds(20));
  VolumeSpec wanted = SpecFor(FreshImage("differs"));
  CHECK(Must(Create(provisioner, *store, wanted)) == 64 * kMiB);
  CHECK(Must(Create(provisioner, *store, wanted)) == 64 * kMiB);

  VolumeSpec larger = wanted;
  larger.range.required_bytes = larger.spec.size_bytes = 128 * kMiB;
  CHECK(absl::IsAlreadyExists(Create(provisioner, *store, larger).status()));
  VolumeSpec other = wanted;
  other.record.mkfs_options = "-m 1";
  const absl::Status status = Create(provisioner, *store, other).status();
  CHECK(absl::IsAlreadyExists(status));
  CHECK(std::string(status.message()).find("mkfsOptions") != std::string::npos);
}

TEST_CASE("eight creators of one volume over two clients make one image and agree") {
  const auto first = OpenStore(Connected());
  const auto second = OpenStore(AnotherClient());
  Provisioner provisioner(absl::Seconds(20));
  const VolumeSpec wanted = SpecFor(FreshImage("race"));
  std::vector<absl::Status> outcomes(8);
  {
    std::vector<std::jthread> creators;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      creators.emplace_back([&, i] {
        outcomes[i] = Create(provisioner, i % 2 == 0 ? *first : *second, wanted).status();
      });
    }
  }
  for (const absl::Status& outcome : outcomes) {
    INFO(outcome.ToString());
    CHECK((outcome.ok() || absl::IsAborted(outcome)));
  }
  Must(Create(provisioner, *second, wanted));
  Pool pool = OpenPool(Connected());
  image_header::Header header;
  REQUIRE(image_header::ReadHeader(pool, RawId(pool, wanted.image), &header) == 0);
  CHECK(header.record == wanted.record.ToJson());
}

TEST_CASE("deleting an old image leaves a new one of the same name alone at every step") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const std::string name = FreshImage("again");
  RawCreate(pool, name, kMiB, kDefaultImageFeatures);
  const std::string old_id = RawId(pool, name);
  Must(store->MoveToTrash({.name = name, .id = old_id}));
  RawCreate(pool, name, 2 * kMiB, kDefaultImageFeatures);
  const std::string new_id = RawId(pool, name);
  REQUIRE(new_id != old_id);

  // A deleter that slept all this time goes on with the old id, and so does a reaper.
  Must(store->MoveToTrash({.name = name, .id = old_id}));
  Must(store->Purge({.id = old_id, .name = name, .by_user = true, .deferred_until = absl::Now()}));
  CHECK(RawId(pool, name) == new_id);
  const auto names = Must(store->Names(name.substr(0, name.size() - 1), 10));
  CHECK(std::any_of(names.begin(), names.end(),
                    [&](const ListedImage& listed) { return listed.id == new_id; }));
  CHECK_FALSE(ObjectExists(pool, class_calls::HeaderObject(old_id)));
}

TEST_CASE("a volume whose deletion stopped half way is deleted by a repeat and made by a create") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  Provisioner provisioner(absl::Seconds(20));
  const VolumeSpec wanted = SpecFor(FreshImage("half-deleted"));
  const auto claim = [&] {
    std::string id = RawId(pool, wanted.image);
    REQUIRE(Must(store->TakeGuard(id, {.type = class_calls::LockType::kExclusive,
                                       .cookie = kDeleting,
                                       .description = "x"})) == Taken::kTaken);
    return id;
  };
  Must(Create(provisioner, *store, wanted));
  std::string id = claim();
  Must(provisioner.Delete(*store, wanted.image));
  CHECK(Must(store->Look(wanted.image)).state == Sight::State::kAbsent);

  Must(Create(provisioner, *store, wanted));
  id = claim();
  const auto names = {class_calls::NameAndId{.name = wanted.image, .id = id}};
  REQUIRE(image_header::AddToTrash(pool, {.id = id,
                                          .name = wanted.image,
                                          .deleted = absl::Now(),
                                          .deferred_until = absl::Now()}) == 0);
  REQUIRE(image_header::RemoveFromDirectory(pool, *names.begin()) == 0);
  Must(Create(provisioner, *store, wanted));
  CHECK(RawId(pool, wanted.image) != id);
}

TEST_CASE("a volume that somebody has open is not deleted, and the answer names the client") {
  Pool other = OpenPool(AnotherClient());
  const auto store = OpenStore(Connected());
  Provisioner provisioner(absl::Seconds(20));
  const VolumeSpec wanted = SpecFor(FreshImage("open"));
  Must(Create(provisioner, *store, wanted));
  rbd_image_t image = nullptr;
  REQUIRE(rbd_open(other.get(), wanted.image.c_str(), &image, nullptr) == 0);
  const absl::Status status = provisioner.Delete(*store, wanted.image);
  REQUIRE(rbd_close(image) == 0);
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(std::string(status.message()).find(":0/") != std::string::npos);
  Must(provisioner.Delete(*store, wanted.image));
}

TEST_CASE("growing costs at most 30 operations, and a large enough volume 2") {
  const auto store = OpenStore(Connected());
  Provisioner provisioner(absl::Seconds(20));
  const VolumeSpec wanted = SpecFor(FreshImage("grow"));
  Must(Create(provisioner, *store, wanted));
  uint64_t before = OsdOperations();
  CHECK(Must(provisioner.Expand(*store, wanted.image, {.required_bytes = 100 * kMiB})) ==
        100 * kMiB);
  CHECK(OsdOperations() - before <= 30);
  before = OsdOperations();
  CHECK(Must(provisioner.Expand(*store, wanted.image, {.required_bytes = 80 * kMiB})) ==
        100 * kMiB);
  CHECK(OsdOperations() - before <= 2);
}

TEST_CASE("an object map that a former resize left invalid is rebuilt by the repeat") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  Provisioner provisioner(absl::Seconds(20));
  const VolumeSpec wanted = SpecFor(FreshImage("map"));
  Must(Create(provisioner, *store, wanted));
  const std::string id = RawId(pool, wanted.image);
  RemoveObject(pool, class_calls::ObjectMapObject(id));
  RawWrite(pool, wanted.image);  // librbd notices and marks it
  REQUIRE(Must(store->Look(wanted.image)).map_invalid);
  CHECK(Must(provisioner.Expand(*store, wanted.image, {.required_bytes = 32 * kMiB})) == 64 * kMiB);
  CHECK_FALSE(Must(store->Look(wanted.image)).map_invalid);
  CHECK(ObjectExists(pool, class_calls::ObjectMapObject(id)));
}

}  // namespace
}  // namespace rbdcsi::live
