// Volumes modified, deleted with a delay and counted per node, on a real Ceph.
#include <thread>
#include <vector>

#include "controller/attacher.h"
#include "controller/class_calls.h"
#include "controller/image_features.h"
#include "controller/image_header.h"
#include "controller/modifier.h"
#include "controller/provisioner.h"
#include "tests/live/live_ceph.h"

namespace rbdcsi::live {
namespace {

std::string NewVolume(ImageStore& store, uint64_t delay_seconds = 0) {
  VolumeSpec wanted = SpecFor(FreshImage("modify"));
  wanted.record.tunables.deletion_delay = delay_seconds;
  Must(Create(Provisioner(absl::Seconds(20)), store, wanted));
  return wanted.image;
}

VolumeRecord RecordOf(ImageStore& store, const std::string& image) {
  const auto record = VolumeRecord::FromJson(Must(store.Look(image)).record);
  REQUIRE(record.has_value());
  return *record;
}

uint64_t FlagsOf(Pool& pool, const std::string& image) {
  rbd_image_t opened = nullptr;
  REQUIRE(rbd_open_read_only(pool.get(), image.c_str(), &opened, nullptr) == 0);
  uint64_t flags = 0;
  REQUIRE(rbd_get_flags(opened, &flags) == 0);
  rbd_close(opened);
  return flags;
}

Attachment On(const std::string& image, const NodeId& node) {
  Attachment attachment;  // SINGLE_NODE_WRITER, mount
  attachment.image = image;
  attachment.node = node;
  return attachment;
}

const TrashedImage* Find(const std::vector<TrashedImage>& trash, const std::string& id) {
  for (const TrashedImage& image : trash) {
    if (image.id == id) {
      return &image;
    }
  }
  return nullptr;
}

TEST_CASE("a record is replaced only as long as it is the one that was read") {
  const auto store = OpenStore(Connected());
  const std::string image = NewVolume(*store);
  const Sight sight = Must(store->Look(image));
  CHECK(Must(store->ReplaceRecord(sight.id, "{\"v\":1}", "x")) == Written::kLost);
  CHECK(Must(store->ReplaceRecord(sight.id, "", "x")) == Written::kLost);
  const uint64_t before = OsdOperations();
  CHECK(Must(store->ReplaceRecord(sight.id, sight.record, "{\"v\":1}")) == Written::kWritten);
  CHECK(OsdOperations() - before <= 1);
  CHECK(Must(store->Look(image)).record == "{\"v\":1}");
  CHECK(Must(store->ReplaceRecord("0123", "", "x")) == Written::kLost);
}

TEST_CASE("modifying costs at most 3 operations, its repeat 2, and leaves what is not named") {
  const auto store = OpenStore(Connected());
  const std::string image = NewVolume(*store, 60);
  uint64_t before = OsdOperations();
  Must(ModifyVolume(*store, image, {{"maxIOPS", "500"}}));
  CHECK(OsdOperations() - before <= 3);
  before = OsdOperations();
  Must(ModifyVolume(*store, image, {{"maxIOPS", "500"}}));
  CHECK(OsdOperations() - before <= 2);
  const VolumeRecord record = RecordOf(*store, image);
  CHECK(record.tunables.max_iops == 500);
  CHECK(record.tunables.deletion_delay == 60);
  CHECK(record.name == image.substr(4));
  Must(ModifyVolume(*store, image, {}));
  CHECK(absl::IsNotFound(ModifyVolume(*store, "csi.never-made", {{"nonsense", "x"}})));
  CHECK(absl::IsInvalidArgument(
      ModifyVolume(*store, image, {{"maxIOPS", "7"}, {"maxReadIOPS", "nonsense"}})));
  CHECK(RecordOf(*store, image).tunables.max_iops == 500);
}

TEST_CASE("features are switched off and on again, with an object map that is true") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const std::string image = NewVolume(*store);
  RawWrite(pool, image);
  Must(ModifyVolume(*store, image, {{"imageFeatures", "layering,exclusive-lock"}}));
  CHECK(Must(store->Look(image)).features == (kFeatureLayering | kFeatureExclusiveLock));
  RawWrite(pool, image);
  const std::string with_map = "layering,exclusive-lock,object-map,fast-diff";
  Must(ModifyVolume(*store, image, {{"imageFeatures", with_map}, {"maxIOPS", "5"}}));
  const Sight sight = Must(store->Look(image));
  CHECK(sight.features == (kDefaultImageFeatures & ~kFeatureDeepFlatten));
  CHECK_FALSE(sight.map_invalid);
  CHECK(FlagsOf(pool, image) == 0);
  CHECK(sight.guard.lockers.empty());
  CHECK(RecordOf(*store, image).features == sight.features);
  CHECK(RecordOf(*store, image).tunables.max_iops == 5);
  const uint64_t before = OsdOperations();
  Must(ModifyVolume(*store, image, {{"imageFeatures", with_map}}));
  CHECK(OsdOperations() - before <= 2);
}

TEST_CASE("a switch that died half way is finished by a repeat") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const std::string image = NewVolume(*store);
  const std::string id = Must(store->IdOf(image));
  const std::string with_map = "layering,exclusive-lock,object-map,fast-diff";
  Must(ModifyVolume(*store, image, {{"imageFeatures", "layering,exclusive-lock"}}));
  SECTION("before the rebuild of the object map") {
    rbd_image_t opened = nullptr;
    REQUIRE(rbd_open(pool.get(), image.c_str(), &opened, nullptr) == 0);
    REQUIRE(rbd_update_features(opened, kFeatureObjectMap | kFeatureFastDiff, 1) == 0);
    rbd_close(opened);
    REQUIRE(Must(store->Look(image)).map_invalid);
  }
  SECTION("before the record") {
    Must(store->SwitchFeatures(id, {.on = kFeatureObjectMap | kFeatureFastDiff, .off = 0}));
  }
  Must(ModifyVolume(*store, image, {{"imageFeatures", with_map}}));
  CHECK_FALSE(Must(store->Look(image)).map_invalid);
  CHECK(RecordOf(*store, image).features == (kDefaultImageFeatures & ~kFeatureDeepFlatten));
}

TEST_CASE("features of a volume in use are not switched, limits are") {
  Pool other = OpenPool(AnotherClient());
  const auto store = OpenStore(Connected());
  Attacher attacher(absl::Hours(1));
  const std::string image = NewVolume(*store);
  const NodeId node = {.name = "n1", .address = "203.0.113.9"};
  Must(attacher.Publish(*store, On(image, node)));
  const std::map<std::string, std::string> less = {{"imageFeatures", "layering"}, {"maxIOPS", "9"}};
  absl::Status refused = ModifyVolume(*store, image, less);
  CHECK(absl::IsFailedPrecondition(refused));
  CHECK(std::string(refused.message()).find(node.ToString()) != std::string::npos);
  CHECK(RecordOf(*store, image).tunables.max_iops == 0);
  Must(ModifyVolume(*store, image, {{"maxIOPS", "9"}}));
  Must(attacher.Unpublish(*store, image, node.ToString()));

  rbd_image_t opened = nullptr;
  REQUIRE(rbd_open(other.get(), image.c_str(), &opened, nullptr) == 0);
  refused = ModifyVolume(*store, image, less);
  REQUIRE(rbd_close(opened) == 0);
  CHECK(absl::IsFailedPrecondition(refused));
  CHECK(std::string(refused.message()).find(":0/") != std::string::npos);
  Must(ModifyVolume(*store, image, less));
}

TEST_CASE("while features are switched nobody attaches or deletes, and a dead switch ends itself") {
  const auto first = OpenStore(Connected());
  const auto second = OpenStore(AnotherClient());
  Attacher attacher(absl::Hours(1));
  const std::string image = NewVolume(*first);
  const std::string id = Must(first->IdOf(image));
  REQUIRE(Must(second->TakeGuard(id, {.type = class_calls::LockType::kExclusive,
                                      .cookie = kModifying,
                                      .description = "x",
                                      .lasts = absl::Seconds(3)})) == Taken::kTaken);
  const Attachment wanted = On(image, {.name = "n1", .address = "203.0.113.9"});
  CHECK(absl::IsAborted(attacher.Publish(*first, wanted).status()));
  CHECK(absl::IsAborted(Provisioner(absl::Seconds(20)).Delete(*first, image)));
  CHECK(absl::IsAborted(ModifyVolume(*first, image, {{"imageFeatures", "layering"}})));
  CHECK(PublishedNodes(Must(first->Look(image))).empty());
  absl::SleepFor(absl::Seconds(4));
  Must(attacher.Publish(*first, wanted));
}

TEST_CASE("a static volume keeps limits and a delay in a record of its own") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const std::string image = "static-" + FreshImage("x");
  RawCreate(pool, image, 8 * kMiB, kDefaultImageFeatures);
  Must(ModifyVolume(*store, image, {{"maxReadIOPS", "3"}, {"deletionDelay", "1h"}}));
  CHECK(RecordOf(*store, image).name.empty());
  CHECK(RecordOf(*store, image).tunables.Limits().read_iops == 3);
}

TEST_CASE("a volume deleted with a delay is a volume again when an admin restores it") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  Provisioner provisioner(absl::Seconds(20));
  Attacher attacher(absl::Hours(1));
  const std::string image = NewVolume(*store, 3600);
  const std::string id = Must(store->IdOf(image));
  RawWrite(pool, image);
  const uint64_t before = OsdOperations();
  Must(provisioner.Delete(*store, image));
  CHECK(OsdOperations() - before <= 34);
  const auto trash = Must(store->Trash());
  const TrashedImage* entry = Find(trash, id);
  REQUIRE(entry != nullptr);
  CHECK(entry->deferred_until > absl::Now() + absl::Minutes(59));

  Must(Create(provisioner, *store, SpecFor(image)));  // meanwhile
  const std::string restored = FreshImage("restored");
  REQUIRE(rbd_trash_restore(pool.get(), id.c_str(), restored.c_str()) == 0);
  Must(attacher.Publish(*store, On(restored, {.name = "n1", .address = "203.0.113.9"})));
  Must(attacher.Unpublish(*store, restored, ""));
  Must(provisioner.Delete(*store, restored));
  CHECK(Find(Must(store->Trash()), id) != nullptr);
  CHECK(IsVolume(Must(store->Look(image)), image));
}

TEST_CASE("a deferred deletion that died is finished in the trash, and a restored image is not") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const std::string image = NewVolume(*store, 3600);
  const std::string id = Must(store->IdOf(image));
  REQUIRE(Must(store->TakeGuard(id, {.type = class_calls::LockType::kExclusive,
                                     .cookie = kDeleting,
                                     .description = "x"})) == Taken::kTaken);
  const TrashedImage entry = {
      .id = id, .name = image, .by_user = true, .deferred_until = absl::Now() + absl::Hours(1)};
  Must(store->FinishTrash(entry));  // not in the trash: somebody may have restored it
  CHECK(Must(store->IdOf(image)) == id);

  REQUIRE(image_header::AddToTrash(pool, {.id = id,
                                          .name = image,
                                          .deleted = absl::Now(),
                                          .deferred_until = entry.deferred_until}) == 0);
  Must(store->FinishTrash(entry));
  CHECK(Must(store->Look(image)).state == Sight::State::kAbsent);
  const uint64_t before = OsdOperations();
  Must(store->FinishTrash(entry));
  CHECK(OsdOperations() - before <= 1);
  REQUIRE(rbd_trash_restore(pool.get(), id.c_str(), image.c_str()) == 0);
  CHECK(IsVolume(Must(store->Look(image)), image));
  Must(store->Purge(entry));  // a reaper whose list is old
  CHECK(RawOpens(pool, image));
}

TEST_CASE("a node with a limit gets no volume more, and one again when another has left") {
  const auto store = OpenStore(Connected());
  Attacher attacher(absl::Hours(1));
  const NodeId node = {.name = FreshImage("node"), .address = "203.0.113.9", .max_volumes = 2};
  const std::vector<std::string> images = {NewVolume(*store), NewVolume(*store), NewVolume(*store)};
  Must(attacher.Publish(*store, On(images[0], node)));
  Must(attacher.Publish(*store, On(images[1], node)));
  Must(attacher.Publish(*store, On(images[1], node)));
  const absl::Status full = attacher.Publish(*store, On(images[2], node)).status();
  CHECK(absl::IsResourceExhausted(full));
  CHECK(std::string(full.message()).find(node.name) != std::string::npos);
  CHECK(Must(store->Look(images[2])).guard.lockers.empty());
  const NodeId unlimited = {.name = node.name, .address = node.address};
  Must(attacher.Publish(*store, On(images[0], unlimited)));  // the same node, told of no limit
  Must(attacher.Unpublish(*store, images[0], node.ToString()));
  Must(attacher.Publish(*store, On(images[2], node)));
  CHECK(Must(store->VolumesOfNode(node.name)).added.size() == 2);
}

TEST_CASE("places that nobody holds do not count when the limit is reached") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  Attacher attacher(absl::Hours(1));
  const NodeId node = {.name = FreshImage("node"), .address = "203.0.113.9", .max_volumes = 1};
  const std::string image = NewVolume(*store);
  // As a controller leaves it that died an hour ago, before it took the guard.
  rados_write_op_t op = rados_create_write_op();
  const char* key = "00dead";
  const char* value = "1000000000";
  const size_t key_size = 6;
  const size_t value_size = 10;
  rados_write_op_omap_set2(op, &key, &value, &key_size, &value_size, 1);
  REQUIRE(rados_write_op_operate(op, pool.get(), ("rbd-csi.node." + node.name).c_str(), nullptr,
                                 0) == 0);
  rados_release_write_op(op);
  Must(attacher.Publish(*store, On(image, node)));
  CHECK(Must(store->VolumesOfNode(node.name)).added.size() == 1);
  // A place just taken is on its way to its guard and counts.
  const NodeId busy = {.name = FreshImage("node"), .address = "203.0.113.9", .max_volumes = 1};
  REQUIRE(Must(store->AddToNode(busy.name, "", "00beef")) == Written::kWritten);
  CHECK(absl::IsResourceExhausted(attacher.Publish(*store, On(NewVolume(*store), busy)).status()));
}

TEST_CASE("eight attaches at once never give a node more than its limit") {
  const NodeId node = {.name = FreshImage("node"), .address = "203.0.113.9", .max_volumes = 3};
  const auto first = OpenStore(Connected());
  const auto second = OpenStore(AnotherClient());
  Attacher attacher(absl::Hours(1));
  std::vector<std::string> images(8);
  for (std::string& image : images) {
    image = NewVolume(*first);
  }
  {
    std::vector<std::jthread> callers;
    for (size_t i = 0; i < images.size(); ++i) {
      callers.emplace_back([&, i] {
        // ABORTED: call again, as Kubernetes does.
        while (absl::IsAborted(
            attacher.Publish(i % 2 == 0 ? *first : *second, On(images[i], node)).status())) {
        }
      });
    }
  }
  size_t attached = 0;
  for (const std::string& image : images) {
    attached += PublishedNodes(Must(first->Look(image))).size();
  }
  CHECK(attached == 3);
}

TEST_CASE("a node without a limit is not counted, and costs what it did") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  Attacher attacher(absl::Hours(1));
  const NodeId node = {.name = FreshImage("node"), .address = "203.0.113.9"};
  const std::string image = NewVolume(*store);
  uint64_t before = OsdOperations();
  Must(attacher.Publish(*store, On(image, node)));
  CHECK(OsdOperations() - before <= 3);
  before = OsdOperations();
  Must(attacher.Unpublish(*store, image, node.ToString()));
  CHECK(OsdOperations() - before <= 4);
  CHECK_FALSE(ObjectExists(pool, "rbd-csi.node." + node.name));
}

}  // namespace
}  // namespace rbdcsi::live
