// The class calls for groups against librbd's own answers to the same questions.
#include "controller/group_calls.h"
#include "controller/group_snapshotter.h"
#include "controller/group_store.h"
#include "controller/image_features.h"
#include "controller/left_snapshots.h"
#include "controller/snapshot_store.h"
#include "tests/live/live_ceph.h"

namespace rbdcsi::live {
namespace {

struct Group {
  explicit Group(Pool& in) : pool(in), name(FreshImage("group")) {
    REQUIRE(rbd_group_create(pool.get(), name.c_str()) == 0);
    for (std::string& image : images) {
      image = FreshImage("member");
      RawCreate(pool, image, 8 * kMiB, kDefaultImageFeatures);
      REQUIRE(rbd_group_image_add(pool.get(), name.c_str(), pool.get(), image.c_str()) == 0);
    }
  }
  ~Group() { rbd_group_remove(pool.get(), name.c_str()); }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  Pool& pool;
  std::string name;
  std::string images[3];
};

TEST_CASE("a look at a group shows the images and snapshots that librbd has put there") {
  Pool pool = OpenPool(Connected());
  const auto store = MakeRbdGroupStore(OpenPool(Connected()));
  const Group group(pool);
  REQUIRE(rbd_group_snap_create(pool.get(), group.name.c_str(), "first") == 0);
  REQUIRE(rbd_group_image_remove(pool.get(), group.name.c_str(), pool.get(),
                                 group.images[2].c_str()) == 0);
  REQUIRE(rbd_group_snap_create(pool.get(), group.name.c_str(), "second") == 0);
  const GroupSight sight = Must(store->Look(group.name));
  CHECK(sight.exists);
  CHECK(Must(store->NameOf(sight.id)) == group.name);
  CHECK(absl::Now() - sight.changed < absl::Minutes(1));
  REQUIRE(sight.images.size() == 2);
  for (const GroupImage& image : sight.images) {
    CHECK(image.attached);
    CHECK(image.pool == rados_ioctx_get_id(pool.get()));
    CHECK((image.image_id == RawId(pool, group.images[0]) ||
           image.image_id == RawId(pool, group.images[1])));
    const class_calls::GroupRef ref = Must(store->GroupOf(image.pool, image.image_id));
    CHECK(ref == class_calls::GroupRef{.pool = image.pool, .id = sight.id});
  }
  REQUIRE(sight.snapshots.size() == 2);
  for (const GroupSnapshot& snapshot : sight.snapshots) {
    CHECK(snapshot.complete);
    CHECK(snapshot.members.size() == (snapshot.name == "first" ? 3 : 2));
  }
  CHECK(Must(store->GroupOf(rados_ioctx_get_id(pool.get()), RawId(pool, group.images[2]))).pool ==
        -1);
}

TEST_CASE("the members of a group snapshot are the snapshots that librbd names on their images") {
  Pool pool = OpenPool(Connected());
  const auto store = MakeRbdGroupStore(OpenPool(Connected()));
  const auto snapshots = MakeRbdSnapshotStore(OpenPool(Connected()));
  const Group group(pool);
  Must(store->CreateSnapshot(group.name, Must(store->Look(group.name)), "snap"));
  const GroupSight sight = Must(store->Look(group.name));
  REQUIRE(sight.snapshots.size() == 1);
  for (const GroupMember& member : sight.snapshots[0].members) {
    rbd_image_t image = nullptr;
    REQUIRE(rbd_open_by_id_read_only(pool.get(), member.image_id.c_str(), &image, nullptr) == 0);
    rbd_snap_group_namespace_t raw = {};
    REQUIRE(rbd_snap_get_group_namespace(image, member.snapshot, &raw, sizeof(raw)) == 0);
    CHECK(std::string(raw.group_name) == group.name);
    CHECK(std::string(raw.group_snap_name) == "snap");
    CHECK(raw.group_pool == rados_ioctx_get_id(pool.get()));
    rbd_snap_group_namespace_cleanup(&raw, sizeof(raw));
    rbd_close(image);
    const auto infos = Must(snapshots->Snapshots(member.image_id, {member.snapshot}));
    REQUIRE(infos.size() == 1);
    CHECK(infos[0].group_id == sight.id);
    CHECK(infos[0].group_pool == member.pool);
  }
}

TEST_CASE(
    "an image in another group stays there, and leaves no trace in the one it was meant for") {
  Pool pool = OpenPool(Connected());
  const auto store = MakeRbdGroupStore(OpenPool(Connected()));
  const int64_t number = rados_ioctx_get_id(pool.get());
  const Group first(pool);
  const Group second(pool);
  const std::string id = RawId(pool, first.images[0]);
  CHECK(Must(store->AddImage(second.name, number, first.images[0])) == Joined::kInOtherGroup);
  // As if the call had been cut short after its first half: an entry whose image is elsewhere.
  const GroupSight sight = Must(store->Look(second.name));
  Must(store->RemoveImage(second.name, sight, {.pool = number, .image_id = id, .attached = false}));
  CHECK(Must(store->Look(second.name)).images.size() == 3);
  CHECK(Must(store->GroupOf(number, id)).id == Must(store->Look(first.name)).id);
}

TEST_CASE("the sweep undoes what nobody repeats, and nothing that is whole, fresh or not ours") {
  Pool pool = OpenPool(Connected());
  const auto store = MakeRbdGroupStore(OpenPool(Connected()));
  const Group abandoned(pool);
  const Group taken(pool);
  Must(store->CreateSnapshot(taken.name, Must(store->Look(taken.name)), kGroupSnapshotName));
  const std::string foreign = "not-" + abandoned.name;
  REQUIRE(rbd_group_create(pool.get(), foreign.c_str()) == 0);
  Must(SweepGroups(*store, absl::Now()));
  CHECK(Must(store->Look(abandoned.name)).images.size() == 3);
  Must(SweepGroups(*store, absl::Now() + 2 * kAbandoned));
  CHECK_FALSE(Must(store->Look(abandoned.name)).exists);
  CHECK(Must(store->Look(taken.name)).images.empty());
  CHECK(Must(store->Look(taken.name)).snapshots.size() == 1);
  CHECK(Must(store->Look(foreign)).exists);
  REQUIRE(rbd_group_remove(pool.get(), foreign.c_str()) == 0);
}

TEST_CASE("a member that its group knows nothing of is cleared away, and no other") {
  Pool pool = OpenPool(Connected());
  const auto store = MakeRbdGroupStore(OpenPool(Connected()));
  const auto snapshots = MakeRbdSnapshotStore(OpenPool(Connected()));
  const auto images = OpenStore(Connected());
  const Group known(pool);
  const Group forgotten(pool);
  for (const Group* group : {&known, &forgotten}) {
    Must(store->CreateSnapshot(group->name, Must(store->Look(group->name)), kGroupSnapshotName));
  }
  // What a member is that Ceph takes after the call has given up and undone what it saw.
  const GroupSight sight = Must(store->Look(forgotten.name));
  REQUIRE(sight.snapshots.size() == 1);
  REQUIRE(WriteOp()
              .Exec("rbd", "group_snap_remove", class_calls::TextInput(sight.snapshots[0].id))
              .Run(pool, class_calls::GroupHeaderObject(sight.id)) == 0);
  const auto left = [&](const std::string& image) {
    return Must(images->LookById(RawId(pool, image))).snapshots.size();
  };
  const auto clear = [&](const std::string& image) {
    return Must(
        RemoveLeftSnapshots(*snapshots, Must(images->LookById(RawId(pool, image))), absl::Now()));
  };
  CHECK(left(forgotten.images[0]) == 1);
  CHECK(clear(forgotten.images[0]));
  CHECK(left(forgotten.images[0]) == 0);
  CHECK_FALSE(clear(known.images[0]));
  CHECK(left(known.images[0]) == 1);
  // As well when the whole group is gone.
  for (const std::string& image : forgotten.images) {
    REQUIRE(rbd_group_image_remove(pool.get(), forgotten.name.c_str(), pool.get(), image.c_str()) ==
            0);
  }
  REQUIRE(rbd_group_remove(pool.get(), forgotten.name.c_str()) == 0);
  CHECK(clear(forgotten.images[1]));
  CHECK(left(forgotten.images[1]) == 0);
}

TEST_CASE("a group that is not there is no error to look at, to empty or to remove") {
  const auto store = MakeRbdGroupStore(OpenPool(Connected()));
  CHECK_FALSE(Must(store->Look(FreshImage("no-group"))).exists);
  CHECK(Must(store->NameOf("no-such-id")).empty());
  Must(store->Remove(FreshImage("no-group")));
  const absl::Status taken = store->CreateSnapshot(FreshImage("no-group"), GroupSight(), "snap");
  INFO(taken.ToString());
  CHECK(absl::IsAborted(taken));
}

}  // namespace
}  // namespace rbdcsi::live
