#include "node/mount_table.h"

#include "tests/catch.h"

namespace rbdcsi {
namespace {

constexpr char kTable[] =
    "22 1 0:5 / /dev rw shared:2 - devtmpfs dev rw,size=1k\n"
    "36 22 252:16 / /var/lib/kubelet/a\\040b\\011c rw,nosuid shared:14 master:3 - ext4 /dev/rbd1 "
    "rw,stripe=16\n"
    "37 22 252:16 / /mnt/ro ro,nosuid - ext4 /dev/rbd1 rw\n"
    "38 22 0:5 /rbd1 /pods/block rw - devtmpfs dev rw\n"
    "39 22 0:5 /rbd10 /pods/other rw - devtmpfs dev rw\n"
    "40 22 8:1 /rbd1 /pods/folder rw - ext4 /dev/sda1 rw\n";

}  // namespace

TEST_CASE("mountinfo is read with its escapes and optional fields") {
  const MountTable table = ParseMountTable(kTable);
  REQUIRE(table.size() == 6);
  CHECK(table[1].id == 36);
  CHECK(table[1].device == DeviceNumber{252, 16});
  CHECK(table[1].target == "/var/lib/kubelet/a b\tc");
  CHECK(table[1].fs_type == "ext4");
  CHECK(table[1].source == "/dev/rbd1");
  CHECK(table[1].super_options == "rw,stripe=16");
  CHECK_FALSE(table[1].ReadOnly());
  CHECK(table[2].ReadOnly());
}

TEST_CASE("a file system that is read-only makes its mounts read-only") {
  const MountTable table = ParseMountTable("1 0 252:0 / /m rw - ext4 /dev/rbd0 ro,noload\n");
  REQUIRE(table.size() == 1);
  CHECK(table[0].ReadOnly());
}

TEST_CASE("lines that are not mounts are left out") {
  CHECK(ParseMountTable("").empty());
  CHECK(
      ParseMountTable("garbage\n1 2 3\n1 0 x:y / / rw - a b c\n1 0 1:2 / / rw shared:1\n").empty());
}

TEST_CASE("a backslash that begins no escape stays") {
  CHECK(Unescape("a\\134b") == "a\\b");
  CHECK(Unescape("a\\04") == "a\\04");
  CHECK(Unescape("a\\09x") == "a\\09x");
  CHECK(Unescape("\\012") == "\n");
}

TEST_CASE("mounts of a device and binds of its node are told apart from look-alikes") {
  const MountTable table = ParseMountTable(kTable);
  const auto mounts = MountsOf(table, {252, 16});
  REQUIRE(mounts.size() == 2);
  CHECK(mounts[1]->target == "/mnt/ro");
  const auto binds = NodeBindsOf(table, "rbd1");
  REQUIRE(binds.size() == 1);
  CHECK(binds[0]->target == "/pods/block");
}

TEST_CASE("a file system that the kernel made read-only is told from one that was mounted so") {
  const auto turned = [](const std::string& options, const std::string& super) {
    MountEntry entry;
    entry.options = options;
    entry.super_options = super;
    return entry.TurnedReadOnly();
  };
  CHECK(turned("rw,nosuid", "ro,stripe=64"));
  CHECK(turned("rw,nosuid", "rw,emergency_ro"));
  CHECK_FALSE(turned("ro,nosuid", "ro"));
  CHECK_FALSE(turned("ro,nosuid", "rw"));
  CHECK_FALSE(turned("rw", "rw,errors=remount-ro"));
}

}  // namespace rbdcsi
