// Paths in requests: what is opened lies exactly where the path says, below the allowed directory,
// whatever symlinks stand there.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <climits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "csi/status.h"
#include "node/path.h"
#include "node/pod_cgroup.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

// allowed/pods/p1/mount and, beside the allowed directory, one that must not be reached.
class Tree {
 public:
  Tree() : allowed_(scratch_.Directory("allowed")) {
    scratch_.Directory("allowed/pods");
    scratch_.Directory("allowed/pods/p1");
    scratch_.Directory("allowed/pods/p1/mount");
    scratch_.File("allowed/file", "");
    scratch_.Symlink("allowed/inside", "pods");
    scratch_.Symlink("allowed/pods/up", "..");
    scratch_.Symlink("allowed/root", "/");
    scratch_.Symlink("allowed/beside", scratch_.Directory("beside"));
    scratch_.Directory("allowedtoo");
  }
  const std::string& allowed() const { return allowed_; }

 private:
  Scratch scratch_;
  std::string allowed_;
};

std::string RealPath(const UniqueFd& fd) {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = readlink(DescriptorPath(fd.get()).c_str(), path.data(), path.size());
  HOLDS(size > 0);
  return {path.data(), static_cast<size_t>(size)};
}

void CheckOpen(const AllowedPaths& paths, const std::string& allowed, const std::string& path) {
  const auto clean = CleanPath(path);
  const auto any = paths.OpenAny(path);
  const auto directory = paths.OpenDirectory(path);
  const auto place = paths.OpenParent(path);
  HOLDS(clean.ok() || (!any.ok() && !directory.ok() && !place.ok()));
  if (any.ok()) {
    HOLDS(RealPath(*any) == *clean && absl::StartsWith(*clean, allowed));
  }
  if (directory.ok()) {
    HOLDS(any.ok() && RealPath(*directory) == *clean);
  }
  if (place.ok()) {
    const std::string parent = RealPath(place->parent);
    HOLDS(absl::StrCat(parent, "/", place->name) == *clean);
    HOLDS(parent == allowed || absl::StartsWith(parent, allowed + "/"));
  }
}

void CheckClean(std::string_view path) {
  const auto clean = CleanPath(Sv(path));
  if (!clean.ok()) {
    HOLDS(absl::IsInvalidArgument(clean.status()));
    return;
  }
  HOLDS(clean->front() == '/' && clean->size() <= path.size() && clean->size() < PATH_MAX);
  HOLDS(!Contains(*clean, "//") && !Contains(*clean + "/", "/../") &&
        !Contains(*clean + "/", "/./") && !Contains(*clean, std::string_view("\0", 1)));
  HOLDS(CleanPath(*clean).value_or("") == *clean);
}

void CheckPod(std::string_view path) {
  const auto uid = PodOfTarget(Sv(path));
  HOLDS(!uid.has_value() ||
        (!uid->empty() && uid->size() <= 64 && !HasAnyOf(*uid, "/._%\n") && Contains(path, *uid)));
}

}  // namespace

void Fuzz(std::string_view input) {
  static const Tree tree;
  static const auto paths = AllowedPaths::Make({tree.allowed()});
  CheckClean(input);
  CheckPod(input);
  CheckOpen(*paths, tree.allowed(), std::string(input));
  CheckOpen(*paths, tree.allowed(), absl::StrCat(tree.allowed(), Sv(input)));
  CheckOpen(*paths, tree.allowed(), absl::StrCat(tree.allowed(), "/", Sv(input)));
}

}  // namespace rbdcsi::fuzz
