// The guard and the fence, with librbd clients in the role of nodes.
#include "controller/attacher.h"
#include "controller/class_calls.h"
#include "controller/image_features.h"
#include "controller/image_header.h"
#include "controller/provisioner.h"
#include "tests/live/live_ceph.h"

namespace rbdcsi::live {
namespace {

constexpr char kElsewhere[] = "203.0.113.9";  // no client of this cluster is there

Attachment AttachmentOf(const std::string& image, const std::string& node,
                        const std::string& address) {
  Attachment attachment;  // SINGLE_NODE_WRITER, mount
  attachment.image = image;
  attachment.node = {.name = node, .address = address};
  return attachment;
}

std::string NewVolume(ImageStore& store) {
  const VolumeSpec wanted = SpecFor(FreshImage("attach"));
  Provisioner provisioner(absl::Seconds(20));
  Must(Create(provisioner, store, wanted));
  return wanted.image;
}

// The address that Ceph knows a client of ours by: "192.0.2.1" of "192.0.2.1:0/123".
std::string AddressOf(const std::string& client) { return client.substr(0, client.find(':')); }

TEST_CASE("a single-node volume is one node's until it is detached there") {
  const auto first = OpenStore(Connected());
  const auto second = OpenStore(AnotherClient());
  Attacher attacher(absl::Hours(1));
  const std::string image = NewVolume(*first);
  const Attachment here = AttachmentOf(image, "n1", kElsewhere);
  const Attachment there = AttachmentOf(image, "n2", "203.0.113.10");
  uint64_t before = OsdOperations();
  Must(attacher.Publish(*first, here));
  CHECK(OsdOperations() - before <= 5);
  Must(attacher.Publish(*first, here));
  Must(attacher.Publish(*second, here));  // a repeat through another controller

  const absl::Status refused = attacher.Publish(*second, there).status();
  CHECK(absl::IsFailedPrecondition(refused));
  CHECK(std::string(refused.message()).find(here.node.ToString()) != std::string::npos);
  Attachment read_only = here;
  read_only.read_only = true;
  CHECK(absl::IsAlreadyExists(attacher.Publish(*first, read_only).status()));

  Must(attacher.Unpublish(*second, image, there.node.ToString()));  // does not have it
  CHECK(absl::IsFailedPrecondition(attacher.Publish(*second, there).status()));
  before = OsdOperations();
  Must(attacher.Unpublish(*second, image, here.node.ToString()));
  CHECK(OsdOperations() - before <= 7);
  Must(attacher.Publish(*second, there));
}

TEST_CASE("a multi-node volume has one holder per node, and detaching from all frees it") {
  const auto store = OpenStore(Connected());
  Attacher attacher(absl::Hours(1));
  const std::string image = NewVolume(*store);
  Attachment one = AttachmentOf(image, "n1", kElsewhere);
  one.capability.mode = AccessMode::kMultiNodeMultiWriter;
  one.capability.type = AccessType::kBlock;
  Attachment two = one;
  two.node.name = "n2";
  Must(attacher.Publish(*store, one));
  Must(attacher.Publish(*store, two));
  CHECK(PublishedNodes(Must(store->Look(image))).size() == 2);
  CHECK(absl::IsFailedPrecondition(
      attacher.Publish(*store, AttachmentOf(image, "n3", kElsewhere)).status()));
  Must(attacher.Unpublish(*store, image, ""));
  CHECK(PublishedNodes(Must(store->Look(image))).empty());
}

TEST_CASE("of a volume being deleted no guard is given") {
  const auto store = OpenStore(Connected());
  Attacher attacher(absl::Hours(1));
  const std::string image = NewVolume(*store);
  const std::string id = Must(store->IdOf(image));
  Must(store->TakeGuard(
      id, {.type = class_calls::LockType::kExclusive, .cookie = kDeleting, .description = "x"}));
  CHECK(absl::IsNotFound(attacher.Publish(*store, AttachmentOf(image, "n1", kElsewhere)).status()));
  Must(attacher.Unpublish(*store, image, ""));
  CHECK(IsBeingDeleted(Must(store->Look(image))));
}

TEST_CASE("detaching a node that still has the volume open fences that client and no other") {
  const auto store = OpenStore(Connected());
  const auto node_client = AnotherClient();
  Pool node_pool = OpenPool(node_client);
  Attacher attacher(absl::Hours(1));
  const std::string image = NewVolume(*store);
  const std::string neighbour = NewVolume(*store);

  rbd_image_t mapped = nullptr;
  REQUIRE(rbd_open(node_pool.get(), image.c_str(), &mapped, nullptr) == 0);
  REQUIRE(rbd_write(mapped, 0, 4, "data") == 4);
  const std::string id = Must(store->IdOf(image));
  const auto watchers = Must(store->Watchers(id));
  REQUIRE(watchers.size() == 1);
  const std::string address = AddressOf(watchers[0].address);

  const Attachment lost = AttachmentOf(image, "n1", address);
  Must(attacher.Publish(*store, lost));
  Must(attacher.Unpublish(*store, image, lost.node.ToString()));
  CHECK(rbd_write(mapped, 0, 4, "late") == -ESHUTDOWN);
  const Sight after = Must(store->Look(image));
  CHECK(after.guard.lockers.empty());
  CHECK(after.owner.lockers.empty());
  Must(attacher.Publish(*store, AttachmentOf(image, "n2", kElsewhere)));
  rbd_close(mapped);

  // This process's own client is at the same address and works on.
  Pool pool = OpenPool(Connected());
  RawWrite(pool, neighbour);
  RawWrite(pool, image);
}

TEST_CASE("somebody at another address is not fenced when a node is detached") {
  const auto store = OpenStore(Connected());
  Pool admin_pool = OpenPool(AnotherClient());
  Attacher attacher(absl::Hours(1));
  const std::string image = NewVolume(*store);
  rbd_image_t opened = nullptr;
  REQUIRE(rbd_open(admin_pool.get(), image.c_str(), &opened, nullptr) == 0);
  const Attachment node = AttachmentOf(image, "n1", kElsewhere);
  Must(attacher.Publish(*store, node));
  Must(attacher.Unpublish(*store, image, node.node.ToString()));
  CHECK(rbd_write(opened, 0, 4, "fine") == 4);
  CHECK(rbd_close(opened) == 0);
}

}  // namespace
}  // namespace rbdcsi::live
