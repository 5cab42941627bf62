#include "csi/capability.h"

#include <limits>

#include "tests/catch.h"

namespace rbdcsi {
namespace {

using Mode = csi::v1::VolumeCapability::AccessMode;

csi::v1::VolumeCapability Mount(Mode::Mode mode) {
  csi::v1::VolumeCapability message;
  message.mutable_mount();
  message.mutable_access_mode()->set_mode(mode);
  return message;
}

csi::v1::VolumeCapability Block(Mode::Mode mode) {
  csi::v1::VolumeCapability message;
  message.mutable_block();
  message.mutable_access_mode()->set_mode(mode);
  return message;
}

csi::v1::CapacityRange Range(int64_t required, int64_t limit) {
  csi::v1::CapacityRange message;
  message.set_required_bytes(required);
  message.set_limit_bytes(limit);
  return message;
}

std::string Refusal(const csi::v1::VolumeCapability& message) {
  const absl::Status status = ParseCapability(message).status();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

}  // namespace

TEST_CASE("every mode of the interface is known by its name") {
  for (int number = 1; number <= Mode::Mode_MAX; ++number) {
    const auto mode = static_cast<Mode::Mode>(number);
    const auto capability = ParseCapability(Block(mode));
    REQUIRE(capability.ok());
    CHECK(ToString(capability->mode) == Mode::Mode_Name(mode));
    CHECK(capability->type == AccessType::kBlock);
    CHECK(IsReadOnly(capability->mode) ==
          (std::string(ToString(capability->mode)).find("READER") != std::string::npos));
    CHECK(IsMultiNode(capability->mode) ==
          (std::string(ToString(capability->mode)).rfind("MULTI_NODE", 0) == 0));
  }
}

TEST_CASE("a mount capability keeps its file system and flags") {
  csi::v1::VolumeCapability message = Mount(Mode::SINGLE_NODE_WRITER);
  message.mutable_mount()->set_fs_type("xfs");
  message.mutable_mount()->add_mount_flags("noatime");
  const auto capability = ParseCapability(message);
  REQUIRE(capability.ok());
  CHECK(*capability ==
        Capability{AccessMode::kSingleNodeWriter, AccessType::kMount, "xfs", {"noatime"}});
  CHECK(std::string(ToString(capability->type)) == "mount");
}

TEST_CASE("a file system with writers on several nodes is refused with a way out") {
  for (const auto mode : {Mode::MULTI_NODE_MULTI_WRITER, Mode::MULTI_NODE_SINGLE_WRITER}) {
    CHECK_THAT(Refusal(Mount(mode)), Catch::Matchers::Contains("use volumeMode: Block") &&
                                         Catch::Matchers::Contains(Mode::Mode_Name(mode)));
  }
  CHECK(ParseCapability(Mount(Mode::MULTI_NODE_READER_ONLY)).ok());
}

TEST_CASE("incomplete and impossible capabilities are refused by name") {
  csi::v1::VolumeCapability message;
  CHECK_THAT(Refusal(message), Catch::Matchers::Contains("access_mode"));
  message.mutable_access_mode()->set_mode(Mode::SINGLE_NODE_WRITER);
  CHECK_THAT(Refusal(message), Catch::Matchers::Contains("access_type"));
  message.mutable_mount()->set_fs_type("btrfs");
  CHECK_THAT(Refusal(message),
             Catch::Matchers::Contains("btrfs") && Catch::Matchers::Contains("use ext4 or xfs"));
  message.mutable_mount()->clear_fs_type();
  message.mutable_mount()->set_volume_mount_group("1000");
  CHECK_THAT(Refusal(message), Catch::Matchers::Contains("volume_mount_group"));
  CHECK_THAT(Refusal(Block(static_cast<Mode::Mode>(99))), Catch::Matchers::Contains("unknown"));
}

TEST_CASE("a list of capabilities is valid when it has some and all are") {
  csi::v1::CreateVolumeRequest request;
  CHECK(ParseCapabilities(request.volume_capabilities()).status().code() ==
        absl::StatusCode::kInvalidArgument);
  *request.add_volume_capabilities() = Mount(Mode::SINGLE_NODE_WRITER);
  *request.add_volume_capabilities() = Block(Mode::MULTI_NODE_MULTI_WRITER);
  CHECK(ParseCapabilities(request.volume_capabilities())->size() == 2);
  *request.add_volume_capabilities() = Mount(Mode::MULTI_NODE_MULTI_WRITER);
  CHECK_FALSE(ParseCapabilities(request.volume_capabilities()).ok());
}

TEST_CASE("a capacity range makes sense or is refused") {
  CHECK(ParseCapacityRange(Range(5, 5))->limit_bytes == 5);
  CHECK(ParseCapacityRange(Range(0, 5))->required_bytes == 0);
  for (const auto& range : {Range(0, 0), Range(-1, 5), Range(1, -5), Range(6, 5)}) {
    INFO(range.ShortDebugString());
    CHECK(ParseCapacityRange(range).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("a size is rounded up to 1 MiB within the limit") {
  CHECK(ChooseSize({.required_bytes = 1}).value() == kMiB);
  CHECK(ChooseSize({.required_bytes = kMiB}).value() == kMiB);
  CHECK(ChooseSize({.required_bytes = kMiB + 1}).value() == 2 * kMiB);
  CHECK(ChooseSize({.required_bytes = kMiB, .limit_bytes = kMiB}).value() == kMiB);
  CHECK(ChooseSize({}).value() == kDefaultSizeBytes);
  CHECK(ChooseSize({.limit_bytes = 3 * kMiB + 5}).value() == 3 * kMiB);
}

TEST_CASE("a size that cannot be made is OUT_OF_RANGE") {
  const uint64_t max = std::numeric_limits<int64_t>::max();
  for (const SizeRange& range :
       {SizeRange{.required_bytes = kMiB + 1, .limit_bytes = kMiB + 2},
        SizeRange{.required_bytes = 1, .limit_bytes = 2}, SizeRange{.limit_bytes = kMiB - 1},
        SizeRange{.required_bytes = max}, SizeRange{.required_bytes = max, .limit_bytes = max},
        SizeRange{.required_bytes = std::numeric_limits<uint64_t>::max()}}) {
    INFO(range.required_bytes << " " << range.limit_bytes);
    CHECK(ChooseSize(range).status().code() == absl::StatusCode::kOutOfRange);
  }
  CHECK(ChooseSize({.required_bytes = max - kMiB}).ok());
}

}  // namespace rbdcsi
