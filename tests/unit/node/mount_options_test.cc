#include "node/mount_options.h"

#include <sys/mount.h>

#include "absl/strings/match.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

MountOptions Translate(const MountRequest& request) {
  const absl::StatusOr<MountOptions> options = TranslateMountOptions(request);
  REQUIRE(options.status() == absl::OkStatus());
  return *options;
}

}  // namespace

TEST_CASE("file systems mount without set-uid programs and devices") {
  CHECK(Translate({.fs_type = "ext4", .mount_flags = {}}) ==
        MountOptions{.flags = MS_NOSUID | MS_NODEV, .data = ""});
  CHECK(Translate({.fs_type = "xfs", .mount_flags = {}}) ==
        MountOptions{.flags = MS_NOSUID | MS_NODEV, .data = "nouuid"});
}

TEST_CASE("general options become flags and the others go to the file system") {
  const MountOptions options =
      Translate({.fs_type = "ext4", .mount_flags = {"noatime,discard", "commit=30", "rw"}});
  CHECK(options.flags == (MS_NOSUID | MS_NODEV | MS_NOATIME));
  CHECK(options.data == "discard,commit=30");
}

TEST_CASE("a read-only volume is not mounted past its journal") {
  CHECK(Translate({.fs_type = "ext4", .mount_flags = {}, .read_only = true}) ==
        MountOptions{.flags = MS_NOSUID | MS_NODEV | MS_RDONLY, .data = ""});
  CHECK(Translate({.fs_type = "xfs", .mount_flags = {}, .read_only = true}).data == "nouuid");
}

TEST_CASE("an SELinux label keeps its commas") {
  const std::string label = "context=\"system_u:object_r:container_file_t:s0:c1,c2\"";
  CHECK(Translate({.fs_type = "ext4", .mount_flags = {label, "noatime"}}).data == label);
}

TEST_CASE("a label brings no other option with it") {
  for (const std::string& flag :
       {std::string("context=a,journal_dev=0x801"), std::string("context=\"a\",journal_dev=0x801"),
        std::string("context=\"a,journal_dev=0x801,\"b\""), std::string("context=\"a"),
        std::string("context=a\0", 10), std::string("commit=\"5")}) {
    INFO(flag);
    CHECK_FALSE(TranslateMountOptions({.fs_type = "ext4", .mount_flags = {flag}}).ok());
  }
  CHECK(Translate({.fs_type = "ext4", .mount_flags = {"context=a,noatime"}}).data == "context=a");
}

TEST_CASE("asking for nouuid again is harmless") {
  CHECK(Translate({.fs_type = "xfs", .mount_flags = {"nouuid"}}).data == "nouuid");
}

TEST_CASE("an option that is not in the list is refused without its value") {
  for (const char* option :
       {"dev", "suid", "loop", "bind", "remount", "noload", "norecovery", "nouuid",
        "logdev=/dev/sda", "journal_path=/etc/shadow", "secret=x", "allocsize=1m", "user"}) {
    INFO(option);
    const absl::Status status =
        TranslateMountOptions({.fs_type = "ext4", .mount_flags = {option}}).status();
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK_FALSE(absl::StrContains(status.message(), "shadow"));
  }
  CHECK_FALSE(TranslateMountOptions({.fs_type = "xfs", .mount_flags = {"data=journal"}}).ok());
}

}  // namespace rbdcsi
