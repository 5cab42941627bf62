#include "node/superblock.h"

#include <limits>

#include "node/device_probe.h"
#include "node/filesystem.h"
#include "tests/catch.h"
#include "tests/unit/node/scratch.h"

namespace rbdcsi {
namespace {

std::optional<Superblock> Parse(const std::string& file) {
  return ParseSuperblock(Read(file, 0, kSuperblockBytes));
}

}  // namespace

TEST_CASE("an ext4 superblock tells size and state") {
  Scratch scratch;
  const std::string file = scratch.Blank("disk", uint64_t{64} << 20);
  MustRun({"mkfs.ext4", "-q", "-F", "-b", "1024", file, "32m"});
  std::optional<Superblock> found = Parse(file);
  REQUIRE(found.has_value());
  CHECK(found->type == "ext4");
  CHECK(found->size_bytes == uint64_t{32} << 20);
  CHECK(found->block_bytes == 1024);
  CHECK_FALSE(found->has_errors);

  MustRun({"debugfs", "-w", "-R", "ssv state 2", file});
  found = Parse(file);
  REQUIRE(found.has_value());
  CHECK(found->has_errors);
}

TEST_CASE("an ext4 superblock of more than 16 TiB tells its size") {
  Scratch scratch;
  const std::string file = scratch.Blank("disk", uint64_t{1} << 30);
  MustRun({"mkfs.ext4", "-q", "-F", "-O", "64bit", file});
  std::string head = Read(file, 0, kSuperblockBytes);
  head[1024 + 0x150] = 1;  // the high half of the block count
  const std::optional<Superblock> found = ParseSuperblock(head);
  REQUIRE(found.has_value());
  CHECK(found->size_bytes == (uint64_t{1} << 30) + (uint64_t{1} << 44));
}

TEST_CASE("an xfs superblock tells its size") {
  Scratch scratch;
  const std::string file = scratch.Blank("disk", uint64_t{320} << 20);
  MustRun({"mkfs.xfs", "-q", "-d", "size=314572800", file});
  const std::optional<Superblock> found = Parse(file);
  REQUIRE(found.has_value());
  CHECK(found->type == "xfs");
  CHECK(found->size_bytes == 314572800);
  CHECK_FALSE(found->incomplete);
  Write(file, 126, "\x01");
  CHECK(Parse(file)->incomplete);
}

TEST_CASE("a file system that claims more than any device has is no smaller for it") {
  std::string ext4(kSuperblockBytes, '\0');
  ext4[1024 + 0x38] = '\x53';  // the magic number, blocks of 64 KiB and 2^48 + 1 of them
  ext4[1024 + 0x39] = '\xef';
  ext4[1024 + 0x18] = 6;
  ext4[1024 + 0x60] = '\x80';
  ext4[1024 + 0x4] = 1;
  ext4[1024 + 0x152] = 1;
  const std::optional<Superblock> found = ParseSuperblock(ext4);
  REQUIRE(found.has_value());
  CHECK(found->size_bytes == std::numeric_limits<uint64_t>::max());
  CHECK_FALSE(CanGrow(found->size_bytes, uint64_t{1} << 30));
}

TEST_CASE("no superblock is seen in zeros or in too few bytes") {
  CHECK_FALSE(ParseSuperblock(std::string(kSuperblockBytes, '\0')).has_value());
  CHECK_FALSE(ParseSuperblock("XFSB").has_value());
}

}  // namespace rbdcsi
