// Changed and allocated blocks on a real Ceph, beside librbd's own diff and the bytes themselves.
#include <algorithm>
#include <random>

#include "controller/changed_blocks.h"
#include "controller/image_features.h"
#include "tests/live/live_ceph.h"

namespace rbdcsi::live {
namespace {

constexpr uint64_t kObject = 4 * kMiB;
const CheckWanted kAlways = [] { return absl::OkStatus(); };

using Ranges = std::vector<Extent>;

// An image that librbd alone makes, writes and snapshots.
class Raw {
 public:
  explicit Raw(uint64_t size, uint64_t features = kDefaultImageFeatures)
      : name_(FreshImage("blocks")) {
    RawCreate(pool_, name_, size, features);
    Open();
  }
  explicit Raw(std::string name) : name_(std::move(name)) { Open(); }
  ~Raw() { rbd_close(image_); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;

  rbd_image_t get() const { return image_; }
  const std::string& name() const { return name_; }

  void Write(uint64_t offset, const std::string& data) {
    REQUIRE(rbd_write(image_, offset, data.size(), data.data()) ==
            static_cast<ssize_t>(data.size()));
  }
  void Discard(uint64_t offset, uint64_t size) {
    REQUIRE(rbd_discard(image_, offset, size) == static_cast<int>(size));
  }
  void Resize(uint64_t size) { REQUIRE(rbd_resize(image_, size) == 0); }

  // The id of a snapshot that is made now.
  uint64_t Snap(const std::string& snapshot) {
    REQUIRE(rbd_flush(image_) == 0);
    REQUIRE(rbd_snap_create(image_, snapshot.c_str()) == 0);
    return IdOf(snapshot);
  }
  uint64_t IdOf(const std::string& snapshot) {
    uint64_t id = 0;
    REQUIRE(rbd_snap_get_id(image_, snapshot.c_str(), &id) == 0);
    return id;
  }
  SnapshotAddress At(uint64_t snapshot) {
    return {.pool = rados_ioctx_get_id(pool_.get()),
            .rados_namespace = "",
            .image_id = RawId(pool_, name_),
            .snapshot = snapshot};
  }
  // All bytes of a snapshot.
  std::string Read(const std::string& snapshot) {
    rbd_image_t image = nullptr;
    REQUIRE(rbd_open_read_only(pool_.get(), name_.c_str(), &image, snapshot.c_str()) == 0);
    uint64_t size = 0;
    REQUIRE(rbd_get_size(image, &size) == 0);
    std::string data(size, '\0');
    REQUIRE(rbd_read(image, 0, size, data.data()) == static_cast<ssize_t>(size));
    rbd_close(image);
    return data;
  }
  // What librbd says has changed, in whole objects.
  Ranges LibrbdDiff(const char* base, const std::string& target) {
    rbd_image_t image = nullptr;
    REQUIRE(rbd_open_read_only(pool_.get(), name_.c_str(), &image, target.c_str()) == 0);
    uint64_t size = 0;
    REQUIRE(rbd_get_size(image, &size) == 0);
    Ranges found;
    const auto add = [](uint64_t offset, size_t length, int, void* ranges) {
      static_cast<Ranges*>(ranges)->push_back({.offset = offset, .size = length});
      return 0;
    };
    REQUIRE(rbd_diff_iterate2(image, base, 0, size, 1, 1, add, &found) == 0);
    rbd_close(image);
    return found;
  }
  Pool& pool() { return pool_; }

 private:
  void Open() { REQUIRE(rbd_open(pool_.get(), name_.c_str(), &image_, nullptr) == 0); }

  Pool pool_ = OpenPool(Connected());
  std::string name_;
  rbd_image_t image_ = nullptr;
};

Ranges From(absl::StatusOr<std::unique_ptr<ExtentSource>> source, uint64_t from = 0) {
  const std::unique_ptr<ExtentSource> made = Must(std::move(source));
  Ranges ranges;
  Must(ForEachRange(*made, from, [&ranges](const Extent& range) {
    ranges.push_back(range);
    return absl::OkStatus();
  }));
  return ranges;
}

Ranges Delta(Raw& image, const SnapshotInfo& base, uint64_t target, uint64_t from = 0) {
  const auto store = MakeRbdChangedBlockStore(Connected());
  return From(ChangedBlocks(*store, kAlways).Delta(image.At(target), base), from);
}

Ranges Delta(Raw& image, const std::string& base, const std::string& target, uint64_t from = 0) {
  SnapshotInfo info;
  info.id = image.IdOf(base);
  info.name = base;
  return Delta(image, info, image.IdOf(target), from);
}

Ranges Allocated(Raw& image, uint64_t snapshot) {
  const auto store = MakeRbdChangedBlockStore(Connected());
  return From(ChangedBlocks(*store, kAlways).Allocated(image.At(snapshot)));
}

// One byte for each byte of the volume: 1 within a range.
std::string Covered(const Ranges& ranges, uint64_t size, uint64_t from = 0) {
  std::string covered(size, 0);
  for (const Extent& range : ranges) {
    REQUIRE(range.end() <= size);
    REQUIRE(range.size > 0);
    std::fill_n(covered.begin() + static_cast<ssize_t>(range.offset), range.size, 1);
  }
  std::fill_n(covered.begin(), std::min(from, size), 0);
  return covered;
}

// Bytes that differ and are not covered; what one of both does not have is zero.
uint64_t Missed(std::string before, const std::string& after, const Ranges& ranges) {
  before.resize(after.size(), '\0');
  const std::string covered = Covered(ranges, after.size());
  uint64_t missed = 0;
  for (size_t i = 0; i < after.size(); ++i) {
    missed += before[i] != after[i] && covered[i] == 0 ? 1 : 0;
  }
  return missed;
}

// The objects of an image that are within either, and not within both.
std::vector<uint64_t> Differing(const Ranges& ours, const Ranges& theirs, uint64_t size) {
  const std::string left = Covered(ours, size);
  const std::string right = Covered(theirs, size);
  std::vector<uint64_t> objects;
  for (uint64_t begin = 0; begin < size; begin += kObject) {
    if (left.compare(begin, kObject, right, begin, kObject) != 0) {
      objects.push_back(begin / kObject);
    }
  }
  return objects;
}

// Rounds of random writes and discards, with a snapshot after each: "s0", "s1", ... The second and
// the third round also make the image smaller and larger.
void Scribble(Raw& image, int rounds, uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&random](uint64_t limit) { return random() % limit; };
  uint64_t size = 0;
  REQUIRE(rbd_get_size(image.get(), &size) == 0);
  for (int round = 0; round < rounds; ++round) {
    if (round == 1) {
      image.Resize(size / 2 + 12345);
      image.Resize(size);
    } else if (round == 2) {
      size += 5 * kMiB + 4096;
      image.Resize(size);
    }
    for (int i = 0; i < 4; ++i) {
      const uint64_t length = 1 + below(9000);
      image.Write(below(size - length), std::string(length, static_cast<char>(1 + below(255))));
    }
    const uint64_t hole = below(size / kObject) * kObject;
    image.Discard(hole, std::min(kObject, size - hole));
    image.Discard(below(size - kMiB), 1 + below(kMiB));
    image.Snap("s" + std::to_string(round));
  }
}

}  // namespace

TEST_CASE("no byte that differs is missed, and no object more than librbd's own fast diff has") {
  const uint64_t seed = GENERATE(1, 2, 3);
  Raw image(96 * kMiB);
  Scribble(image, 5, seed);
  for (int base = 0; base < 5; ++base) {
    for (int target = base + 1; target < 5; ++target) {
      const std::string from = "s" + std::to_string(base);
      const std::string to = "s" + std::to_string(target);
      INFO(seed << " " << from << " " << to);
      const Ranges ranges = Delta(image, from, to);
      const std::string after = image.Read(to);
      CHECK(Missed(image.Read(from), after, ranges) == 0);
      CHECK(Differing(ranges, image.LibrbdDiff(from.c_str(), to), after.size()) ==
            std::vector<uint64_t>{});
    }
  }
}

TEST_CASE("what is not allocated is zero, and what is are the objects that librbd lists") {
  Raw image(96 * kMiB);
  Scribble(image, 4, 7);
  for (int round = 0; round < 4; ++round) {
    const std::string name = "s" + std::to_string(round);
    const Ranges ranges = Allocated(image, image.IdOf(name));
    const std::string data = image.Read(name);
    CHECK(Missed(std::string(), data, ranges) == 0);
    CHECK(Differing(ranges, image.LibrbdDiff(nullptr, name), data.size()) ==
          std::vector<uint64_t>{});
  }
}

TEST_CASE("from 50 offsets on, the ranges are the rest of the whole") {
  Raw image(96 * kMiB);
  Scribble(image, 3, 11);
  const std::string after = image.Read("s2");
  const std::string whole = Covered(Delta(image, "s0", "s2"), after.size());
  std::mt19937_64 random(5);
  for (int i = 0; i < 50; ++i) {
    const uint64_t from = random() % after.size();
    const Ranges rest = Delta(image, "s0", "s2", from);
    std::string expected = whole;
    std::fill_n(expected.begin(), from, 0);
    CHECK((Covered(rest, after.size(), from) == expected));
    CHECK((rest.empty() || rest.front().end() > from));
  }
}

TEST_CASE("changes of a snapshot that was removed are still known") {
  Raw image(64 * kMiB);
  image.Snap("base");
  image.Write(5 * kObject, "gone with it?");
  image.Snap("middle");
  image.Write(9 * kObject, "later");
  image.Snap("target");
  REQUIRE(rbd_snap_remove(image.get(), "middle") == 0);
  CHECK(Delta(image, "base", "target") == Ranges{{5 * kObject, kObject}, {9 * kObject, kObject}});
}

TEST_CASE("a striped image's changes are where its bytes are") {
  Pool pool = OpenPool(Connected());
  const std::string name = FreshImage("striped");
  ImageOptions options;
  rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_FEATURES,
                               kDefaultImageFeatures | kFeatureStriping);
  rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_STRIPE_UNIT, 64 * 1024);
  rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_STRIPE_COUNT, 3);
  REQUIRE(rbd_create4(pool.get(), name.c_str(), 50 * kMiB, options.get()) == 0);
  Raw image(name);
  Scribble(image, 4, 13);
  const Ranges ranges = Delta(image, "s0", "s3");
  const std::string after = image.Read("s3");
  CHECK(Missed(image.Read("s0"), after, ranges) == 0);
  CHECK(Differing(ranges, image.LibrbdDiff("s0", "s3"), after.size()) == std::vector<uint64_t>{});
}

TEST_CASE("without object maps each object is asked, and no byte is missed") {
  Raw image(96 * kMiB, kFeatureLayering | kFeatureExclusiveLock);
  Scribble(image, 4, 17);
  for (int target = 1; target < 4; ++target) {
    const std::string to = "s" + std::to_string(target);
    const std::string after = image.Read(to);
    CHECK(Missed(image.Read("s0"), after, Delta(image, "s0", to)) == 0);
    CHECK(Missed(std::string(), after, Allocated(image, image.IdOf(to))) == 0);
  }
}

TEST_CASE("maps that are marked invalid are not believed") {
  Raw image(64 * kMiB);
  image.Snap("base");
  image.Write(5 * kObject, "changed");
  image.Snap("target");
  // Switched off and on again: the maps are empty until they are rebuilt.
  REQUIRE(rbd_update_features(image.get(), kFeatureObjectMap | kFeatureFastDiff, 0) == 0);
  REQUIRE(rbd_update_features(image.get(), kFeatureObjectMap | kFeatureFastDiff, 1) == 0);
  const std::string after = image.Read("target");
  CHECK(Missed(image.Read("base"), after, Delta(image, "base", "target")) == 0);
  CHECK(Missed(std::string(), after, Allocated(image, image.IdOf("target"))) == 0);
  SnapshotInfo member;
  member.id = image.IdOf("base");
  member.name_space = SnapshotNamespace::kGroup;
  const auto store = MakeRbdChangedBlockStore(Connected());
  const absl::Status status =
      ChangedBlocks(*store, kAlways).Delta(image.At(image.IdOf("target")), member).status();
  INFO(status.ToString());
  CHECK(absl::IsFailedPrecondition(status));
}

TEST_CASE("of a clone, what its parents provide is allocated") {
  const uint64_t features =
      GENERATE(as<uint64_t>(), kDefaultImageFeatures, kFeatureLayering | kFeatureExclusiveLock);
  Raw parent(64 * kMiB, features);
  parent.Write(2 * kObject, "the grandparent's");
  parent.Write(9 * kObject, "behind the overlap");
  parent.Snap("p");
  ImageOptions options;
  rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_CLONE_FORMAT, 2);
  rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_FEATURES, features);
  const std::string name = FreshImage("child");
  REQUIRE(rbd_clone3(parent.pool().get(), parent.name().c_str(), "p", parent.pool().get(),
                     name.c_str(), options.get()) == 0);
  Raw child(name);
  child.Resize(8 * kObject);
  child.Resize(64 * kMiB);
  child.Write(5 * kObject, "its own");
  child.Snap("c");
  const Ranges ranges = Allocated(child, child.IdOf("c"));
  const std::string data = child.Read("c");
  CHECK(Missed(std::string(), data, ranges) == 0);
  const std::string covered = Covered(ranges, data.size());
  CHECK(covered[2 * kObject] == 1);
  CHECK(covered[5 * kObject] == 1);
  CHECK(covered[9 * kObject] == 0);
  CHECK(covered[kObject] == 0);
}

TEST_CASE("no byte of a clone that differs is missed, wherever its parent shows through") {
  const uint64_t features =
      GENERATE(as<uint64_t>(), kDefaultImageFeatures, kDefaultImageFeatures & ~kFeatureDeepFlatten,
               kFeatureLayering | kFeatureExclusiveLock);
  Raw parent(96 * kMiB);
  Scribble(parent, 4, 19);
  ImageOptions options;
  rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_CLONE_FORMAT, 2);
  rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_FEATURES, features);
  const std::string name = FreshImage("scribbled");
  REQUIRE(rbd_clone3(parent.pool().get(), parent.name().c_str(), "s3", parent.pool().get(),
                     name.c_str(), options.get()) == 0);
  Raw child(name);
  Scribble(child, 4, 23);
  for (int base = 0; base < 3; ++base) {
    const std::string from = "s" + std::to_string(base);
    INFO(features << " " << from);
    const std::string after = child.Read("s3");
    CHECK(Missed(child.Read(from), after, Delta(child, from, "s3")) == 0);
    CHECK(Missed(std::string(), child.Read(from), Allocated(child, child.IdOf(from))) == 0);
  }
}

TEST_CASE("a clone that was made smaller has lost its parent's data, and that is a change") {
  Raw parent(64 * kMiB);
  parent.Write(9 * kObject, "seen at first");
  parent.Snap("p");
  ImageOptions options;
  rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_CLONE_FORMAT, 2);
  const std::string name = FreshImage("shrunk");
  REQUIRE(rbd_clone3(parent.pool().get(), parent.name().c_str(), "p", parent.pool().get(),
                     name.c_str(), options.get()) == 0);
  Raw child(name);
  child.Snap("before");
  child.Resize(8 * kObject);
  child.Resize(64 * kMiB);
  child.Snap("after");
  CHECK(Missed(child.Read("before"), child.Read("after"), Delta(child, "before", "after")) == 0);
  CHECK(Delta(child, "before", "after") == Ranges{{9 * kObject, kObject}});
}

TEST_CASE("a clone that is flattened between two snapshots has not changed more than librbd says") {
  const uint64_t features =
      GENERATE(as<uint64_t>(), kDefaultImageFeatures, kDefaultImageFeatures & ~kFeatureDeepFlatten);
  Raw parent(64 * kMiB);
  parent.Write(2 * kObject, "the parent's");
  parent.Snap("p");
  ImageOptions options;
  rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_CLONE_FORMAT, 2);
  rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_FEATURES, features);
  const std::string name = FreshImage("flat");
  REQUIRE(rbd_clone3(parent.pool().get(), parent.name().c_str(), "p", parent.pool().get(),
                     name.c_str(), options.get()) == 0);
  Raw child(name);
  child.Snap("before");
  REQUIRE(rbd_flatten(child.get()) == 0);
  child.Write(5 * kObject, "its own");
  child.Snap("after");
  const Ranges ranges = Delta(child, "before", "after");
  const std::string after = child.Read("after");
  CHECK(Missed(child.Read("before"), after, ranges) == 0);
  CHECK(Differing(ranges, child.LibrbdDiff("before", "after"), after.size()) ==
        std::vector<uint64_t>{});
  CHECK(Missed(std::string(), after, Allocated(child, child.IdOf("after"))) == 0);
  CHECK(Missed(std::string(), child.Read("before"), Allocated(child, child.IdOf("before"))) == 0);
}

TEST_CASE("a snapshot that is not there is not found") {
  Raw image(64 * kMiB);
  const uint64_t id = image.Snap("one");
  const auto store = MakeRbdChangedBlockStore(Connected());
  CHECK(absl::IsNotFound(ChangedBlocks(*store, kAlways).Allocated(image.At(id + 1)).status()));
  SnapshotAddress nowhere = image.At(id);
  nowhere.image_id = "0123456789ab";
  CHECK(absl::IsNotFound(ChangedBlocks(*store, kAlways).Allocated(nowhere).status()));
}

TEST_CASE("asking objects one after the other ends when nobody waits for the answer") {
  Raw image(4096 * kMiB, kFeatureLayering);
  const uint64_t id = image.Snap("big");
  int asked = 0;
  const CheckWanted wanted = [&asked] {
    return ++asked < 3 ? absl::OkStatus() : absl::CancelledError("gone");
  };
  const auto store = MakeRbdChangedBlockStore(Connected());
  const auto source = Must(ChangedBlocks(*store, wanted).Allocated(image.At(id)));
  const absl::Status status =
      ForEachRange(*source, 0, [](const Extent&) { return absl::OkStatus(); });
  CHECK(absl::IsCancelled(status));
  CHECK(asked == 3);
}

}  // namespace rbdcsi::live
