#include "node/device_probe.h"

#include "absl/strings/match.h"
#include "node/format_mark.h"
#include "tests/catch.h"
#include "tests/unit/node/scratch.h"

namespace rbdcsi {
namespace {

constexpr uint64_t kSize = uint64_t{64} << 20;

Content Probe(const std::string& file) {
  const absl::StatusOr<Content> content = ProbeDevice(file);
  REQUIRE(content.status() == absl::OkStatus());
  return *content;
}

// Refused, and the answer names what was found.
void CheckOther(const std::string& file, const std::string& named) {
  const Content content = Probe(file);
  INFO(content.what);
  CHECK(content.kind == ContentKind::kOther);
  CHECK(absl::StrContains(content.what, named));
}

}  // namespace

TEST_CASE("zeros are a blank device") {
  Scratch scratch;
  CHECK(Probe(scratch.Blank("disk", kSize)).kind == ContentKind::kBlank);
}

TEST_CASE("one byte in the first or the last MiB is data") {
  Scratch scratch;
  for (const uint64_t offset :
       {uint64_t{0}, uint64_t{70000}, uint64_t{(1 << 20) - 1}, kSize - (1 << 20), kSize - 1}) {
    INFO(offset);
    const std::string file = scratch.Blank("disk" + std::to_string(offset), kSize);
    Write(file, offset, "x");
    CheckOther(file, "data of an unknown kind");
  }
}

TEST_CASE("file systems that can be used are told with their size") {
  Scratch scratch;
  const std::string ext4 = scratch.Blank("ext4", kSize);
  MustRun({"mkfs.ext4", "-q", ext4});
  CHECK(Probe(ext4).kind == ContentKind::kFilesystem);
  CHECK(Probe(ext4).superblock->type == "ext4");
  const std::string xfs = scratch.Blank("xfs", uint64_t{320} << 20);
  MustRun({"mkfs.xfs", "-q", xfs});
  CHECK(Probe(xfs).kind == ContentKind::kFilesystem);
  CHECK(Probe(xfs).superblock->type == "xfs");
}

TEST_CASE("an encrypted device is never blank") {
  Scratch scratch;
  const std::string file = scratch.Blank("disk", kSize);
  const std::string key = scratch.File("key", "passphrase");
  MustRun({"cryptsetup", "luksFormat", "-q", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations",
           "1000", file, key});
  CheckOther(file, "crypto_LUKS");
}

TEST_CASE("partition tables are never blank") {
  Scratch scratch;
  for (const char* label : {"gpt", "dos"}) {
    const std::string file = scratch.Blank(label, kSize);
    const std::string script = scratch.File("script", std::string("label: ") + label + "\n,10M\n");
    MustRun({"bash", "-c", "sfdisk -q \"$0\" < \"$1\"", file, script});
    CheckOther(file, label);
  }
}

TEST_CASE("a GPT of which only the backup is left is not blank") {
  Scratch scratch;
  const std::string file = scratch.Blank("disk", kSize);
  const std::string script = scratch.File("script", "label: gpt\n,10M\n");
  MustRun({"bash", "-c", "sfdisk -q \"$0\" < \"$1\"", file, script});
  Write(file, 0, std::string(1 << 20, '\0'));
  CHECK(Probe(file).kind == ContentKind::kOther);
}

TEST_CASE("swap space and other file systems are never blank") {
  Scratch scratch;
  const std::string swap = scratch.Blank("swap", kSize);
  MustRun({"mkswap", "-q", swap});
  CheckOther(swap, "swap");
}

TEST_CASE("two signatures at once are refused") {
  Scratch scratch;
  const std::string file = scratch.Blank("disk", kSize);
  MustRun({"mkfs.ext4", "-q", file});
  MustRun({"mkswap", "-q", "-f", file});
  CHECK(Probe(file).kind == ContentKind::kOther);
}

TEST_CASE("an xfs that mkfs did not finish is not a file system") {
  Scratch scratch;
  const std::string file = scratch.Blank("disk", uint64_t{320} << 20);
  MustRun({"mkfs.xfs", "-q", file});
  Write(file, 126, "\x01");
  CHECK(Probe(file).kind == ContentKind::kOther);
}

TEST_CASE("a device that is not there is not blank") {
  CHECK_FALSE(ProbeDevice("/dev/rbd-none").ok());
}

}  // namespace rbdcsi
