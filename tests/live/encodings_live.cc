// Our own encodings against librbd's and librados' answers to the same questions.
#include <algorithm>
#include <vector>

#include "controller/class_calls.h"
#include "controller/image_features.h"
#include "controller/image_header.h"
#include "controller/watchers.h"
#include "controller/wire.h"
#include "tests/live/live_ceph.h"

namespace rbdcsi::live {
namespace {

class OpenImage {
 public:
  OpenImage(Pool& pool, const std::string& name) {
    REQUIRE(rbd_open(pool.get(), name.c_str(), &image_, nullptr) == 0);
  }
  ~OpenImage() { rbd_close(image_); }
  OpenImage(const OpenImage&) = delete;
  OpenImage& operator=(const OpenImage&) = delete;
  rbd_image_t get() const { return image_; }

 private:
  rbd_image_t image_ = nullptr;
};

TEST_CASE("a header read without opening says what librbd says") {
  Pool pool = OpenPool(Connected());
  const std::string name = FreshImage("facts");
  RawCreate(pool, name, 96 * kMiB, kDefaultImageFeatures);
  const OpenImage image(pool, name);
  rbd_image_info_t info = {};
  REQUIRE(rbd_stat(image.get(), &info, sizeof(info)) == 0);
  uint64_t features = 0;
  REQUIRE(rbd_get_features(image.get(), &features) == 0);
  REQUIRE(rbd_metadata_set(image.get(), image_header::kRecordKey, "{\"v\":1}") == 0);

  image_header::Name id;
  REQUIRE(image_header::ReadName(pool, name, &id) == 0);
  image_header::Header header;
  REQUIRE(image_header::ReadHeader(pool, id.id, &header) == 0);
  CHECK(id.id == RawId(pool, name));
  CHECK(header.size == info.size);
  CHECK(header.order == info.order);
  CHECK(header.features == features);
  CHECK(header.flags == 0);
  CHECK(header.record == "{\"v\":1}");
  CHECK(header.guard.lockers.empty());
  CHECK(absl::Now() - header.changed < absl::Minutes(1));
  CHECK(absl::Now() - id.changed < absl::Minutes(1));
}

TEST_CASE("a record written by a class call is image metadata to librbd") {
  Pool pool = OpenPool(Connected());
  const std::string name = FreshImage("record");
  RawCreate(pool, name, kMiB, kFeatureLayering);
  REQUIRE(image_header::WriteFirstRecord(pool, RawId(pool, name), "first") == 0);
  const OpenImage image(pool, name);
  char value[64] = {};
  size_t size = sizeof(value);
  REQUIRE(rbd_metadata_get(image.get(), image_header::kRecordKey, value, &size) == 0);
  CHECK(std::string(value) == "first");
}

TEST_CASE("the first record wins, and neither a guard nor a missing header lets one be written") {
  Pool pool = OpenPool(Connected());
  const std::string name = FreshImage("cas");
  RawCreate(pool, name, kMiB, kFeatureLayering);
  const std::string id = RawId(pool, name);
  CHECK(image_header::WriteFirstRecord(pool, id, "one") == 0);
  CHECK(image_header::WriteFirstRecord(pool, id, "two") == -ECANCELED);
  image_header::Header header;
  REQUIRE(image_header::ReadHeader(pool, id, &header) == 0);
  CHECK(header.record == "one");

  const std::string guarded = FreshImage("cas");
  RawCreate(pool, guarded, kMiB, kFeatureLayering);
  const std::string guarded_id = RawId(pool, guarded);
  REQUIRE(image_header::TakeGuard(pool, guarded_id,
                                  {.name = image_header::kGuardLock,
                                   .type = class_calls::LockType::kExclusive,
                                   .cookie = "someone",
                                   .description = "x"}) == 0);
  CHECK(image_header::WriteFirstRecord(pool, guarded_id, "one") == -ECANCELED);

  CHECK(image_header::WriteFirstRecord(pool, "no-such-id", "one") == -ENOENT);
  CHECK_FALSE(ObjectExists(pool, class_calls::HeaderObject("no-such-id")));
}

TEST_CASE("a guard taken by a class call is an object lock to librados, with the same address") {
  Pool pool = OpenPool(Connected());
  const std::string name = FreshImage("guard");
  RawCreate(pool, name, kMiB, kFeatureLayering);
  const std::string id = RawId(pool, name);
  REQUIRE(image_header::TakeGuard(pool, id,
                                  {.name = image_header::kGuardLock,
                                   .type = class_calls::LockType::kExclusive,
                                   .cookie = "v1/n1/192.0.2.11",
                                   .description = "SINGLE_NODE_WRITER mount rw"}) == 0);
  char tag[64] = {};
  char clients[256] = {};
  char cookies[256] = {};
  char addresses[256] = {};
  size_t tag_size = sizeof(tag);
  size_t clients_size = sizeof(clients);
  size_t cookies_size = sizeof(cookies);
  size_t addresses_size = sizeof(addresses);
  int exclusive = 0;
  REQUIRE(rados_list_lockers(pool.get(), class_calls::HeaderObject(id).c_str(),
                             image_header::kGuardLock, &exclusive, tag, &tag_size, clients,
                             &clients_size, cookies, &cookies_size, addresses,
                             &addresses_size) == 1);
  image_header::Header header;
  REQUIRE(image_header::ReadHeader(pool, id, &header) == 0);
  REQUIRE(header.guard.lockers.size() == 1);
  const class_calls::Locker& locker = header.guard.lockers.front();
  CHECK(exclusive == 1);
  CHECK(header.guard.type == class_calls::LockType::kExclusive);
  CHECK("client." + std::to_string(locker.client) == std::string(clients));
  CHECK(locker.cookie == std::string(cookies));
  // librados puts the protocol before it, the blocklist wants it without.
  CHECK(std::string(addresses).ends_with(":" + locker.address));
  CHECK(locker.description == "SINGLE_NODE_WRITER mount rw");
  CHECK(image_header::BreakLock(pool, id, image_header::kGuardLock, locker) == 0);
  CHECK(image_header::BreakLock(pool, id, image_header::kGuardLock, locker) == -ENOENT);
}

TEST_CASE("the owner of the exclusive lock and the watchers are those that librbd names") {
  Pool pool = OpenPool(Connected());
  const std::string name = FreshImage("owner");
  RawCreate(pool, name, 8 * kMiB, kDefaultImageFeatures);
  const std::string id = RawId(pool, name);
  const OpenImage image(pool, name);
  REQUIRE(rbd_write(image.get(), 0, 4, "data") == 4);

  rbd_image_watcher_t raw[4] = {};
  size_t count = 4;
  REQUIRE(rbd_watchers_list(image.get(), raw, &count) == 0);
  std::vector<Watcher> watchers;
  REQUIRE(ListWatchers(pool.get(), class_calls::HeaderObject(id), &watchers) == 0);
  REQUIRE(watchers.size() == count);
  REQUIRE(count == 1);
  CHECK(watchers[0].address == std::string(raw[0].addr));
  CHECK(watchers[0].client == static_cast<uint64_t>(raw[0].id));
  CHECK(watchers[0].client == Connected()->instance());
  rbd_watchers_list_cleanup(raw, count);

  image_header::Header header;
  REQUIRE(image_header::ReadHeader(pool, id, &header) == 0);
  REQUIRE(header.owner.lockers.size() == 1);
  CHECK(header.owner.lockers[0].client == Connected()->instance());
  CHECK(header.owner.lockers[0].address == watchers[0].address);
  REQUIRE(header.watchers.size() == 1);
  CHECK(header.watchers[0].client == watchers[0].client);
  CHECK(header.watchers[0].address == watchers[0].address);
}

TEST_CASE("a lock that a closed handle of this process has left is taken from it") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const std::string name = FreshImage("left");
  RawCreate(pool, name, 8 * kMiB, kDefaultImageFeatures);
  const std::string id = RawId(pool, name);
  // As librbd's own request, carried out after its handle was closed.
  const std::string request = Encoder()
                                  .Text(image_header::kOwnerLock)
                                  .U8(static_cast<uint8_t>(class_calls::LockType::kExclusive))
                                  .Text("auto 94000000000000")
                                  .Text("internal")
                                  .Text("")
                                  .Time(absl::UnixEpoch())
                                  .U8(0)
                                  .Struct(1);
  REQUIRE(WriteOp().Exec("lock", "lock", request).Run(pool, class_calls::HeaderObject(id)) == 0);
  Must(store->Resize(id, 16 * kMiB));
  image_header::Header header;
  REQUIRE(image_header::ReadHeader(pool, id, &header) == 0);
  CHECK(header.size == 16 * kMiB);
  CHECK(header.owner.lockers.empty());
}

TEST_CASE("the lock of a handle that is open is left to it, also in this process") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const std::string name = FreshImage("held");
  RawCreate(pool, name, 8 * kMiB, kDefaultImageFeatures);
  const OpenImage holder(pool, name);
  REQUIRE(rbd_lock_acquire(holder.get(), RBD_LOCK_MODE_EXCLUSIVE) == 0);
  Must(store->Resize(RawId(pool, name), 16 * kMiB));  // librbd has the owner do it
  int owns = 0;
  REQUIRE(rbd_is_exclusive_lock_owner(holder.get(), &owns) == 0);
  CHECK(owns == 1);
  image_header::Header header;
  REQUIRE(image_header::ReadHeader(pool, RawId(pool, name), &header) == 0);
  CHECK(header.size == 16 * kMiB);
  CHECK(header.owner.lockers.size() == 1);
}

TEST_CASE("an image trashed by class calls is one that librbd lists, restores and removes") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  for (const uint64_t features : {uint64_t{kFeatureLayering}, uint64_t{kDefaultImageFeatures}}) {
    const std::string name = FreshImage("trash");
    RawCreate(pool, name, 8 * kMiB, features);
    RawWrite(pool, name);
    const std::string id = RawId(pool, name);
    Must(store->MoveToTrash({.name = name, .id = id}));
    CHECK_FALSE(RawOpens(pool, name));
    rbd_trash_image_info_t info = {};
    REQUIRE(rbd_trash_get(pool.get(), id.c_str(), &info) == 0);
    CHECK(std::string(info.name) == name);
    CHECK(info.source == RBD_TRASH_IMAGE_SOURCE_USER);
    CHECK(info.deferment_end_time <= time(nullptr));
    rbd_trash_get_cleanup(&info);
    REQUIRE(rbd_trash_restore(pool.get(), id.c_str(), name.c_str()) == 0);
    CHECK(RawOpens(pool, name));
    Must(store->MoveToTrash({.name = name, .id = id}));
    REQUIRE(rbd_trash_remove(pool.get(), id.c_str(), false) == 0);
    CHECK_FALSE(ObjectExists(pool, class_calls::HeaderObject(id)));
    CHECK_FALSE(ObjectExists(pool, class_calls::IdObject(name)));
  }
}

TEST_CASE("the pool's directory lists our images after a name, in order, and nobody else's") {
  Pool pool = OpenPool(Connected());
  const auto store = OpenStore(Connected());
  const std::string base = FreshImage("zz-list");
  RawCreate(pool, base + "a", kMiB, kFeatureLayering);
  RawCreate(pool, base + "b", kMiB, kFeatureLayering);
  RawCreate(pool, "other-" + base, kMiB, kFeatureLayering);
  const auto names = Must(store->Names(base, 10));
  REQUIRE(names.size() >= 2);  // then those of other runs
  CHECK(names[0].name == base + "a");
  CHECK(names[0].id == RawId(pool, base + "a"));
  CHECK(names[1].name == base + "b");
  CHECK(std::all_of(names.begin(), names.end(),
                    [](const ListedImage& listed) { return listed.name.rfind("csi.", 0) == 0; }));
  CHECK(Must(store->Names(base + "a", 10)).front().name == base + "b");
  CHECK(Must(store->Names(base, 1)).size() == 1);
}

}  // namespace
}  // namespace rbdcsi::live
