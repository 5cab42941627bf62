// What a killed creator or an admin's accident leaves behind, built by hand, and what a create then
// makes of it.
#include "controller/class_calls.h"
#include "controller/image_features.h"
#include "controller/image_header.h"
#include "controller/provisioner.h"
#include "tests/live/live_ceph.h"

namespace rbdcsi::live {
namespace {

// Old enough at once, and never.
Provisioner Impatient() { return Provisioner(absl::ZeroDuration()); }
Provisioner Patient() { return Provisioner(absl::Hours(1)); }

bool IsGoodVolume(ImageStore& store, const VolumeSpec& wanted) {
  const Sight sight = Must(store.Look(wanted.image));
  return IsVolume(sight, wanted.image) && sight.record == wanted.record.ToJson() &&
         sight.size_bytes == wanted.spec.size_bytes;
}

TEST_CASE("a complete image that lacks only its record is completed in place") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const VolumeSpec wanted = SpecFor(FreshImage("complete"));
  RawCreate(pool, wanted.image, wanted.spec.size_bytes, wanted.spec.features);
  const std::string id = RawId(pool, wanted.image);
  Must(Create(Patient(), *store, wanted));
  CHECK(IsGoodVolume(*store, wanted));
  CHECK(RawId(pool, wanted.image) == id);
}

TEST_CASE("an untouched image of another size is replaced once it is old enough") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const VolumeSpec wanted = SpecFor(FreshImage("other-size"));
  RawCreate(pool, wanted.image, 32 * kMiB, wanted.spec.features);
  CHECK(absl::IsAborted(Create(Patient(), *store, wanted).status()));
  Must(Create(Impatient(), *store, wanted));
  CHECK(IsGoodVolume(*store, wanted));
}

TEST_CASE("an image without its object map is replaced, not completed") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const VolumeSpec wanted = SpecFor(FreshImage("no-map"));
  RawCreate(pool, wanted.image, wanted.spec.size_bytes, wanted.spec.features);
  const std::string id = RawId(pool, wanted.image);
  RemoveObject(pool, class_calls::ObjectMapObject(id));
  CHECK(absl::IsAborted(Create(Patient(), *store, wanted).status()));
  Must(Create(Impatient(), *store, wanted));
  CHECK(IsGoodVolume(*store, wanted));
  CHECK(RawId(pool, wanted.image) != id);
}

TEST_CASE("an image with data, with a snapshot or in use is never taken") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  VolumeSpec wanted = SpecFor(FreshImage("data"));
  SECTION("data") {
    RawCreate(pool, wanted.image, wanted.spec.size_bytes, wanted.spec.features);
    RawWrite(pool, wanted.image);
    CHECK(absl::IsAlreadyExists(Create(Impatient(), *store, wanted).status()));
  }
  SECTION("data, but no object map to show it") {
    RawCreate(pool, wanted.image, wanted.spec.size_bytes, kFeatureLayering);
    RawWrite(pool, wanted.image);
    CHECK(absl::IsAlreadyExists(Create(Impatient(), *store, wanted).status()));
  }
  SECTION("data, and a lost object map") {
    RawCreate(pool, wanted.image, wanted.spec.size_bytes, wanted.spec.features);
    RawWrite(pool, wanted.image);
    RemoveObject(pool, class_calls::ObjectMapObject(RawId(pool, wanted.image)));
    CHECK(absl::IsAlreadyExists(Create(Impatient(), *store, wanted).status()));
  }
  SECTION("a snapshot") {
    RawCreate(pool, wanted.image, wanted.spec.size_bytes, wanted.spec.features);
    rbd_image_t image = nullptr;
    REQUIRE(rbd_open(pool.get(), wanted.image.c_str(), &image, nullptr) == 0);
    REQUIRE(rbd_snap_create(image, "mine") == 0);
    REQUIRE(rbd_close(image) == 0);
    CHECK(absl::IsAlreadyExists(Create(Impatient(), *store, wanted).status()));
  }
  SECTION("another client") {
    RawCreate(pool, wanted.image, wanted.spec.size_bytes, wanted.spec.features);
    Pool other = OpenPool(AnotherClient());
    rbd_image_t image = nullptr;
    REQUIRE(rbd_open(other.get(), wanted.image.c_str(), &image, nullptr) == 0);
    CHECK(absl::IsAlreadyExists(Create(Impatient(), *store, wanted).status()));
    REQUIRE(rbd_close(image) == 0);
  }
  CHECK(RawOpens(pool, wanted.image));
}

TEST_CASE("an id without a header is cleared away once it is old enough") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const VolumeSpec wanted = SpecFor(FreshImage("no-header"));
  RawCreate(pool, wanted.image, wanted.spec.size_bytes, wanted.spec.features);
  const std::string id = RawId(pool, wanted.image);
  RemoveObject(pool, class_calls::HeaderObject(id));
  const absl::Status early = Create(Patient(), *store, wanted).status();
  CHECK(absl::IsAborted(early));
  CHECK(std::string(early.message()).find("repaired in") != std::string::npos);
  CHECK(absl::IsAborted(Patient().Delete(*store, wanted.image)));
  Must(Create(Impatient(), *store, wanted));
  CHECK(IsGoodVolume(*store, wanted));
  CHECK_FALSE(ObjectExists(pool, class_calls::ObjectMapObject(id)));
}

TEST_CASE("a directory entry that leads nowhere does not stop a create") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const VolumeSpec wanted = SpecFor(FreshImage("no-name"));
  RawCreate(pool, wanted.image, wanted.spec.size_bytes, wanted.spec.features);
  const std::string id = RawId(pool, wanted.image);
  RemoveObject(pool, class_calls::HeaderObject(id));
  RemoveObject(pool, class_calls::IdObject(wanted.image));
  Must(Create(Patient(), *store, wanted));
  CHECK(IsGoodVolume(*store, wanted));
}

TEST_CASE("a header that the directory still names but that has lost its id is left to people") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const VolumeSpec wanted = SpecFor(FreshImage("lost-id"));
  RawCreate(pool, wanted.image, wanted.spec.size_bytes, wanted.spec.features);
  const std::string id = RawId(pool, wanted.image);
  RemoveObject(pool, class_calls::IdObject(wanted.image));
  CHECK(absl::IsAborted(Create(Impatient(), *store, wanted).status()));
  CHECK(ObjectExists(pool, class_calls::HeaderObject(id)));
}

TEST_CASE("a volume without its directory entry is the same volume, and can be deleted") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const VolumeSpec wanted = SpecFor(FreshImage("no-entry"));
  Must(Create(Patient(), *store, wanted));
  const std::string id = RawId(pool, wanted.image);
  REQUIRE(image_header::RemoveFromDirectory(pool, {.name = wanted.image, .id = id}) == 0);
  Must(Create(Patient(), *store, wanted));
  CHECK(RawId(pool, wanted.image) == id);
  Must(Patient().Delete(*store, wanted.image));
  CHECK(Must(store->Look(wanted.image)).state == Sight::State::kAbsent);
}

}  // namespace
}  // namespace rbdcsi::live
