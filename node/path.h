// Paths that come in requests, opened so that nobody can lead us elsewhere.
//
// A path must be absolute, without "..", and below one of the allowed directories (--allowed-path).
// The allowed directory itself is the administrator's and may go through symlinks (kubelet's folder
// often does); below it the walk is openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS), and what is
// then done is done through the descriptor, so that a symlink put there later changes nothing.
// Any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "node/unique_fd.h"

namespace rbdcsi {

// A name in an open directory.
struct Place {
  UniqueFd parent;
  std::string name;
  std::string path;  // as it was asked for; for messages
};

class AllowedPaths {
 public:
  // INVALID_ARGUMENT: a directory that is not absolute, or the root itself.
  static absl::StatusOr<AllowedPaths> Make(std::vector<std::string> directories);

  // The directory at `path` as an O_PATH descriptor. INVALID_ARGUMENT: malformed, not below an
  // allowed directory, or with a symlink. NOT_FOUND: not there. FAILED_PRECONDITION: no directory.
  absl::StatusOr<UniqueFd> OpenDirectory(const std::string& path) const;
  // Anything but a symlink, as an O_PATH descriptor.
  absl::StatusOr<UniqueFd> OpenAny(const std::string& path) const;
  // The parent of `path`, which must be there, and the last name, which need not.
  absl::StatusOr<Place> OpenParent(const std::string& path) const;

 private:
  explicit AllowedPaths(std::vector<std::string> directories)
      : directories_(std::move(directories)) {}
  absl::StatusOr<UniqueFd> Open(const std::string& path, int flags) const;
  std::vector<std::string> directories_;
};

// "/a//b/" becomes "/a/b". INVALID_ARGUMENT: not absolute, "." or ".." in it, a zero byte, or
// longer than the kernel takes.
absl::StatusOr<std::string> CleanPath(absl::string_view path);

// "/proc/self/fd/N": a path to what an open descriptor stands for.
std::string DescriptorPath(int fd);

}  // namespace rbdcsi
