#include "node/krbd_sysfs.h"

#include "tests/catch.h"
#include "tests/unit/node/scratch.h"

namespace rbdcsi {
namespace {

const VolumeId kVolume{.cluster = "main", .pool = "rbd", .rados_namespace = "", .image = "csi.a"};
constexpr char kOurs[] = "192.0.2.1:3300 name=node,key=rbd-csi/main/node,noshare rbd csi.a -\n";

struct Shown {
  std::string id;
  std::string name = "csi.a\n";
  std::string pool_ns = "\n";
  std::string snap = "-\n";
  std::string config = kOurs;
};

void AddDevice(Scratch& sysfs, const Shown& shown) {
  const std::string base = "bus/rbd/devices/" + shown.id + "/";
  sysfs.File(base + "name", shown.name);
  sysfs.File(base + "pool", "rbd\n");
  sysfs.File(base + "pool_ns", shown.pool_ns);
  sysfs.File(base + "current_snap", shown.snap);
  sysfs.File(base + "config_info", shown.config);
  sysfs.File(base + "major", "252\n");
  sysfs.File(base + "minor", "16\n");
  sysfs.File(base + "size", "1073741824\n");
  sysfs.File("block/rbd" + shown.id + "/ro", shown.id == "7" ? "1\n" : "0\n");
}

absl::StatusOr<std::optional<KrbdDevice>> Find(const Scratch& sysfs, const VolumeId& volume) {
  return FindKrbdDevice({.sysfs = sysfs.path(), .dev = "/dev"}, volume);
}

}  // namespace

TEST_CASE("the volume's device is found with its numbers") {
  Scratch sysfs;
  AddDevice(sysfs, {.id = "3", .name = "csi.b\n"});
  AddDevice(sysfs, {.id = "7"});
  const auto found = Find(sysfs, kVolume);
  REQUIRE(found.ok());
  REQUIRE(found->has_value());
  const MappedDevice& device = (*found)->device;
  CHECK(device.id == "7");
  CHECK(device.name == "rbd7");
  CHECK(device.path == "/dev/rbd7");
  CHECK(device.number == DeviceNumber{252, 16});
  CHECK(device.size_bytes == 1073741824);
  CHECK(device.read_only);
  CHECK_FALSE(device.mapped_read_only);
}

TEST_CASE("devices that are not this volume's are not found") {
  Scratch sysfs;
  AddDevice(sysfs,
            {.id = "0", .config = "192.0.2.1:3300 name=admin,key=client.admin rbd csi.a -\n"});
  AddDevice(sysfs, {.id = "1", .snap = "snap1\n"});
  AddDevice(sysfs, {.id = "2", .pool_ns = "team\n"});
  AddDevice(sysfs, {.id = "3", .name = "csi.ab\n"});
  const auto found = Find(sysfs, kVolume);
  REQUIRE(found.ok());
  CHECK_FALSE(found->has_value());
}

TEST_CASE("the same image of another cluster is another volume") {
  Scratch sysfs;
  AddDevice(sysfs, {.id = "0"});
  VolumeId other = kVolume;
  other.cluster = "backup";
  const auto found = Find(sysfs, other);
  REQUIRE(found.ok());
  CHECK_FALSE(found->has_value());
}

TEST_CASE("without the rbd module nothing is mapped") {
  const Scratch sysfs;
  const auto found = Find(sysfs, kVolume);
  REQUIRE(found.ok());
  CHECK_FALSE(found->has_value());
}

TEST_CASE("what is stacked on a device is named") {
  Scratch sysfs;
  sysfs.Directory("block/rbd0/holders/dm-3");
  CHECK(HoldersOf({.sysfs = sysfs.path()}, "rbd0") == std::vector<std::string>{"dm-3"});
  CHECK(HoldersOf({.sysfs = sysfs.path()}, "rbd1").empty());
}

}  // namespace rbdcsi
