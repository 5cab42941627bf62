#include "node/path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "csi/status.h"
#include "node/node_errors.h"

namespace rbdcsi {
namespace {

int OpenBeneath(int directory, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(syscall(SYS_openat2, directory, path.c_str(), &how, sizeof(how)));
}

// The part of `path` below `directory`; empty when it is not below it.
absl::string_view Below(absl::string_view path, absl::string_view directory) {
  if (!absl::StartsWith(path, directory) || path.size() <= directory.size() + 1 ||
      path[directory.size()] != '/') {
    return {};
  }
  return path.substr(directory.size() + 1);
}

}  // namespace

absl::StatusOr<std::string> CleanPath(absl::string_view path) {
  if (!absl::StartsWith(path, "/")) {
    return absl::InvalidArgumentError(absl::StrCat("path \"", path, "\": not absolute"));
  }
  if (path.size() >= PATH_MAX || path.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError("path: too long, or a zero byte in it");
  }
  std::string clean;
  for (absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == "." || part == "..") {
      return absl::InvalidArgumentError(
          absl::StrCat("path ", path, ": \".\" and \"..\" are not allowed"));
    }
    absl::StrAppend(&clean, "/", part);
  }
  return clean.empty() ? "/" : clean;
}

std::string DescriptorPath(int fd) { return absl::StrCat("/proc/self/fd/", fd); }

absl::StatusOr<AllowedPaths> AllowedPaths::Make(std::vector<std::string> directories) {
  for (std::string& directory : directories) {
    ASSIGN_OR_RETURN(std::string clean, CleanPath(directory));
    if (clean == "/") {
      return absl::InvalidArgumentError("--allowed-path /: name kubelet's directory");
    }
    directory = clean;
  }
  return AllowedPaths(std::move(directories));
}

absl::StatusOr<UniqueFd> AllowedPaths::Open(const std::string& path, int flags) const {
  ASSIGN_OR_RETURN(const std::string clean, CleanPath(path));
  for (const std::string& directory : directories_) {
    absl::string_view below = Below(clean, directory);
    if (below.empty() && clean != directory) {
      continue;
    }
    UniqueFd top(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!top.valid()) {
      return StatusFor(kOpenPathErrors, errno, directory);
    }
    UniqueFd fd(OpenBeneath(top.get(), below.empty() ? "." : std::string(below), flags));
    if (!fd.valid()) {
      return StatusFor(kOpenPathErrors, errno, clean);
    }
    return fd;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("open ", clean, ": not below an allowed directory (",
                   absl::StrJoin(directories_, ", "), "; see --allowed-path)"));
}

absl::StatusOr<UniqueFd> AllowedPaths::OpenDirectory(const std::string& path) const {
  return Open(path, O_PATH | O_DIRECTORY);
}

absl::StatusOr<UniqueFd> AllowedPaths::OpenAny(const std::string& path) const {
  return Open(path, O_PATH | O_NOFOLLOW);
}

absl::StatusOr<Place> AllowedPaths::OpenParent(const std::string& path) const {
  ASSIGN_OR_RETURN(const std::string clean, CleanPath(path));
  const size_t slash = clean.rfind('/');
  Place place;
  place.path = clean;
  place.name = clean.substr(slash + 1);
  if (place.name.empty()) {
    return absl::InvalidArgumentError("path /: names no file below a directory");
  }
  ASSIGN_OR_RETURN(place.parent, Open(clean.substr(0, slash), O_PATH | O_DIRECTORY));
  return place;
}

}  // namespace rbdcsi
