// Formatting on plain files, with the real mkfs, and the states that a killed format leaves.
#include "node/filesystem.h"

#include "absl/strings/match.h"
#include "node/device_probe.h"
#include "node/format_mark.h"
#include "tests/catch.h"
#include "tests/unit/node/scratch.h"

namespace rbdcsi {
namespace {

constexpr uint64_t kSize = uint64_t{320} << 20;

struct Disk {
  Disk() { device = {.path = scratch.Blank("disk", kSize), .size_bytes = kSize}; }
  absl::StatusOr<Superblock> Prepare(const std::string& type) const {
    return PrepareFilesystem(device, {.type = type});
  }
  ContentKind Kind() const { return ProbeDevice(device.path)->kind; }
  Scratch scratch;
  MappedDevice device;
};

const std::vector<std::string> kTypes = {"ext4", "xfs"};

}  // namespace

TEST_CASE("a blank device is formatted once") {
  for (const std::string& type : kTypes) {
    INFO(type);
    const Disk disk;
    const absl::StatusOr<Superblock> made = disk.Prepare(type);
    REQUIRE(made.status() == absl::OkStatus());
    CHECK(made->type == type);
    CHECK_FALSE(CanGrow(made->size_bytes, kSize));
    Write(disk.device.path, uint64_t{512} * 1024,
          "canary");  // a second mkfs would lose it, or refuse
    const std::string before = Read(disk.device.path, 0, 1 << 20);
    CHECK(disk.Prepare(type).ok());
    CHECK(Read(disk.device.path, 0, 1 << 20) == before);
  }
}

TEST_CASE("mkfs leaves the format mark alone") {
  for (const std::string& type : kTypes) {
    INFO(type);
    const Disk disk;
    REQUIRE(WriteMark(disk.device.path, MarkAction::kSet).ok());
    MustRun(*MkfsCommand(disk.device, {.type = type}));
    CHECK(Read(disk.device.path, MarkOffset(kSize), kMarkBytes) == MarkFor(kSize));
    CHECK(disk.Kind() == ContentKind::kFormatting);
  }
}

TEST_CASE("a format killed at any point is made again") {
  for (const std::string& type : kTypes) {
    const Disk whole;
    MustRun(*MkfsCommand(whole.device, {.type = type}));
    for (const uint64_t kept : {0, 512, 4096, 65536, 1 << 20, 200 << 20}) {
      INFO(type << ", the first " << kept << " bytes were written");
      const Disk disk;
      REQUIRE(WriteMark(disk.device.path, MarkAction::kSet).ok());
      Write(disk.device.path, 0, Read(whole.device.path, 0, kept));
      CHECK(disk.Kind() == ContentKind::kFormatting);
      REQUIRE(disk.Prepare(type).status() == absl::OkStatus());
      CHECK(disk.Kind() == ContentKind::kFilesystem);
    }
    for (const uint64_t lost : {512, 65536, 1 << 20}) {
      INFO(type << ", the first " << lost << " bytes were not written");
      const Disk disk;
      REQUIRE(WriteMark(disk.device.path, MarkAction::kSet).ok());
      Write(disk.device.path, lost, Read(whole.device.path, lost, (200 << 20) - lost));
      CHECK(disk.Prepare(type).status() == absl::OkStatus());
    }
  }
}

TEST_CASE("a killed format of the other type is made again too") {
  const Disk disk;
  REQUIRE(WriteMark(disk.device.path, MarkAction::kSet).ok());
  MustRun(*MkfsCommand(disk.device, {.type = "xfs"}));
  const absl::StatusOr<Superblock> made = disk.Prepare("ext4");
  REQUIRE(made.status() == absl::OkStatus());
  CHECK(made->type == "ext4");
}

TEST_CASE("without the mark, part of a file system is somebody's data") {
  const Disk whole;
  MustRun(*MkfsCommand(whole.device, {.type = "ext4"}));
  const Disk disk;
  Write(disk.device.path, 4096, Read(whole.device.path, 4096, 1 << 20));
  CHECK(absl::IsFailedPrecondition(disk.Prepare("ext4").status()));
}

TEST_CASE("a mark under a file system that was grown over it is a user's file") {
  for (const std::string& type : kTypes) {
    INFO(type);
    const Disk disk;
    MustRun(type == "xfs" ? std::vector<std::string>{"mkfs.xfs", "-q", disk.device.path}
                          : std::vector<std::string>{"mkfs.ext4", "-q", disk.device.path});
    Write(disk.device.path, MarkOffset(kSize), MarkFor(kSize));
    CHECK(disk.Kind() == ContentKind::kFilesystem);
  }
}

TEST_CASE("a mark is not believed under a superblock whose size no number holds") {
  const Disk disk;
  MustRun({"mkfs.ext4", "-q", disk.device.path});
  Write(disk.device.path, 1024 + 0x4, std::string("\x01\0\0\0", 4));   // 2^48 + 1 blocks
  Write(disk.device.path, 1024 + 0x18, std::string("\x06\0\0\0", 4));  // of 64 KiB
  Write(disk.device.path, 1024 + 0x150, std::string("\0\0\x01\0", 4));
  Write(disk.device.path, MarkOffset(kSize), MarkFor(kSize));
  CHECK(disk.Kind() != ContentKind::kFormatting);
}

TEST_CASE("a mark beside anything but ext4 and xfs is not believed") {
  const Disk disk;
  MustRun({"mkswap", "-q", disk.device.path});
  Write(disk.device.path, MarkOffset(kSize), MarkFor(kSize));
  CHECK(disk.Kind() == ContentKind::kOther);
}

TEST_CASE("a mark for another size or with a flipped bit is data") {
  const Disk disk;
  Write(disk.device.path, MarkOffset(kSize), MarkFor(kSize + 1));
  CHECK(disk.Kind() == ContentKind::kOther);
  std::string flipped = MarkFor(kSize);
  flipped[3] ^= 1;
  Write(disk.device.path, MarkOffset(kSize), flipped);
  CHECK(disk.Kind() == ContentKind::kOther);
}

TEST_CASE("the other file system is not formatted over") {
  const Disk disk;
  REQUIRE(disk.Prepare("ext4").ok());
  const absl::Status status = disk.Prepare("xfs").status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(absl::StrContains(status.message(), "found ext4"));
}

TEST_CASE("a blank volume that may not be written stays blank") {
  const Disk disk;
  const absl::Status status =
      PrepareFilesystem(disk.device, {.type = "ext4", .read_only = true}).status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(disk.Kind() == ContentKind::kBlank);
}

TEST_CASE("errors that e2fsck repairs are repaired") {
  const Disk disk;
  REQUIRE(disk.Prepare("ext4").ok());
  MustRun({"debugfs", "-w", "-R", "ssv state 2", disk.device.path});
  REQUIRE(ParseSuperblock(Read(disk.device.path, 0, kSuperblockBytes))->has_errors);
  CHECK(disk.Prepare("ext4").status() == absl::OkStatus());
  CHECK_FALSE(ParseSuperblock(Read(disk.device.path, 0, kSuperblockBytes))->has_errors);
}

TEST_CASE("damage that e2fsck does not repair by itself is reported and left alone") {
  const Disk disk;
  REQUIRE(disk.Prepare("ext4").ok());
  MustRun({"debugfs", "-w", "-R", "clri <2>", disk.device.path});  // the root directory
  MustRun({"debugfs", "-w", "-R", "ssv state 2", disk.device.path});
  const absl::Status status = disk.Prepare("ext4").status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(absl::StrContains(status.message(), "e2fsck"));
  CHECK(disk.Kind() == ContentKind::kFilesystem);
}

TEST_CASE("a volume too small for its file system says so") {
  Scratch scratch;
  const MappedDevice device{.path = scratch.Blank("disk", 16 << 20), .size_bytes = 16 << 20};
  const absl::Status status = PrepareFilesystem(device, {.type = "xfs"}).status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(absl::StrContains(status.message(), "mkfs.xfs"));
}

TEST_CASE("options of the storage class come after ours and before the device") {
  const MappedDevice device{.path = "/dev/rbd0", .size_bytes = kSize};
  CHECK(*MkfsCommand(device, {.type = "ext4", .mkfs_options = "-b 1024  -O ^64bit"}) ==
        std::vector<std::string>{"mkfs.ext4", "-q", "-F", "-m0", "-E",
                                 "lazy_itable_init=1,lazy_journal_init=1,nodiscard", "-b", "1024",
                                 "-O", "^64bit", "/dev/rbd0", "326656k"});
  CHECK(*MkfsCommand(device, {.type = "xfs"}) ==
        std::vector<std::string>{"mkfs.xfs", "-q", "-f", "-K", "-d", "size=334495744", "-i",
                                 "nrext64=0", "/dev/rbd0"});
  CHECK(*MkfsCommand(device, {.type = "xfs", .mkfs_options = "-i nrext64=1"}) ==
        std::vector<std::string>{"mkfs.xfs", "-q", "-f", "-K", "-d", "size=334495744", "-i",
                                 "nrext64=1", "/dev/rbd0"});
  CHECK(absl::IsInvalidArgument(
      MkfsCommand(device, {.type = "ext4", .mkfs_options = "-J device=x /dev/sda"}).status()));
}

}  // namespace rbdcsi
