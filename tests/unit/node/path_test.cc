#include "node/path.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "node/mounts.h"
#include "tests/catch.h"
#include "tests/unit/node/scratch.h"

namespace rbdcsi {
namespace {

AllowedPaths Allowed(const std::string& directory) {
  absl::StatusOr<AllowedPaths> paths = AllowedPaths::Make({directory});
  REQUIRE(paths.ok());
  return *std::move(paths);
}

}  // namespace

TEST_CASE("a directory below an allowed one opens") {
  Scratch scratch;
  const std::string directory = scratch.Directory("kubelet/plugins/x");
  const AllowedPaths paths = Allowed(scratch.path() + "/kubelet/");
  CHECK(paths.OpenDirectory(directory).ok());
  CHECK(paths.OpenDirectory(scratch.path() + "//kubelet///plugins/x/").ok());
  CHECK(absl::IsNotFound(paths.OpenDirectory(directory + "/none").status()));
}

TEST_CASE("paths that are malformed or elsewhere are refused") {
  Scratch scratch;
  scratch.Directory("kubelet/a");
  scratch.Directory("kubelet-2");
  const AllowedPaths paths = Allowed(scratch.path() + "/kubelet");
  for (const std::string& path :
       {std::string("relative/path"), std::string("/etc"), std::string("/"), std::string(),
        scratch.path() + "/kubelet-2", scratch.path() + "/kubelet/../kubelet-2",
        scratch.path() + "/kubelet/./a", scratch.path() + "/kubelet/" + std::string("a\0b", 3),
        "/" + std::string(5000, 'x')}) {
    INFO(path);
    CHECK(absl::IsInvalidArgument(paths.OpenDirectory(path).status()));
  }
}

TEST_CASE("a symlink below the allowed directory is never followed") {
  Scratch scratch;
  scratch.Directory("outside/target");
  scratch.Directory("kubelet");
  scratch.Symlink("kubelet/link", scratch.path() + "/outside");
  scratch.Symlink("kubelet/dangling", scratch.path() + "/none");
  const AllowedPaths paths = Allowed(scratch.path() + "/kubelet");
  CHECK(absl::IsInvalidArgument(paths.OpenDirectory(scratch.path() + "/kubelet/link").status()));
  CHECK(absl::IsInvalidArgument(
      paths.OpenDirectory(scratch.path() + "/kubelet/link/target").status()));
  const absl::StatusOr<Place> place = paths.OpenParent(scratch.path() + "/kubelet/dangling");
  REQUIRE(place.ok());
  CHECK(absl::IsInvalidArgument(OpenAt(*place).status()));
}

TEST_CASE("the allowed directory itself may be a symlink of the administrator") {
  Scratch scratch;
  scratch.Directory("data/kubelet/a");
  scratch.Symlink("kubelet", scratch.path() + "/data/kubelet");
  CHECK(Allowed(scratch.path() + "/kubelet").OpenDirectory(scratch.path() + "/kubelet/a").ok());
}

TEST_CASE("a place is an open parent and a name that need not exist") {
  Scratch scratch;
  scratch.Directory("kubelet/pod");
  const AllowedPaths paths = Allowed(scratch.path() + "/kubelet");
  const absl::StatusOr<Place> place = paths.OpenParent(scratch.path() + "/kubelet/pod/mount/");
  REQUIRE(place.ok());
  CHECK(place->name == "mount");
  CHECK(absl::IsNotFound(OpenAt(*place).status()));
  CHECK(absl::IsNotFound(paths.OpenParent(scratch.path() + "/kubelet/none/mount").status()));
}

TEST_CASE("the whole root cannot be allowed") {
  CHECK(absl::IsInvalidArgument(AllowedPaths::Make({"/"}).status()));
  CHECK(absl::IsInvalidArgument(AllowedPaths::Make({"kubelet"}).status()));
}

TEST_CASE("a directory on which nothing is mounted has no mount") {
  Scratch scratch;
  scratch.Directory("kubelet");
  const absl::StatusOr<UniqueFd> fd =
      Allowed(scratch.path()).OpenDirectory(scratch.path() + "/kubelet");
  REQUIRE(fd.ok());
  const absl::StatusOr<std::optional<MountEntry>> mount = MountAt(fd->get());
  REQUIRE(mount.ok());
  CHECK_FALSE(mount->has_value());
}

TEST_CASE("a mount is found by its descriptor") {
  const UniqueFd proc(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const absl::StatusOr<std::optional<MountEntry>> mount = MountAt(proc.get());
  REQUIRE(mount.ok());
  REQUIRE(mount->has_value());
  CHECK((*mount)->fs_type == "proc");
  CHECK((*mount)->target == "/proc");
}

}  // namespace rbdcsi
