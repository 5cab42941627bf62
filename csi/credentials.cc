#include "csi/credentials.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr char kUserId[] = "userID";
constexpr char kUserKey[] = "userKey";
constexpr size_t kMaxFileBytes = 4096;  // a Ceph key has 40, of the newer kinds a few more

std::string Trimmed(absl::string_view text) {
  return std::string(absl::StripTrailingAsciiWhitespace(text));
}

// The error is text for a message, never the contents.
absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return ErrnoStatus(absl::StatusCode::kUnauthenticated, errno, path);
  }
  std::array<char, kMaxFileBytes> buffer{};
  const ssize_t size = read(file, buffer.data(), buffer.size());
  const int error = errno;
  close(file);
  if (size < 0) {
    return ErrnoStatus(absl::StatusCode::kUnauthenticated, error, path);
  }
  const std::string text = Trimmed(absl::string_view(buffer.data(), static_cast<size_t>(size)));
  if (text.empty()) {
    return absl::UnauthenticatedError(absl::StrCat(path, ": empty"));
  }
  return text;
}

// absl::Base64Unescape alone would let spaces and missing padding through; the kernel does not.
bool IsBase64(const std::string& key) {
  std::string decoded;
  return !key.empty() && key.size() % 4 == 0 && std::none_of(key.begin(), key.end(), [](char c) {
    return absl::ascii_isspace(static_cast<unsigned char>(c));
  }) && absl::Base64Unescape(key, &decoded);
}

// The user's name ends up in option lists of the kernel and of librados.
bool IsUser(const std::string& user) {
  return !user.empty() && std::all_of(user.begin(), user.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != ',' && c != '=';
  });
}

absl::StatusOr<Credentials> Checked(Credentials found, absl::string_view source) {
  if (!IsUser(found.user)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Ceph user of ", source, ": not a user name (write it as in `ceph auth ls`, ",
                     "without \"client.\")"));
  }
  if (!IsBase64(found.key)) {
    return absl::InvalidArgumentError(absl::StrCat("Ceph key of ", source, ": not base64 (copy ",
                                                   "the output of `ceph auth get-key`)"));
  }
  return found;
}

absl::StatusOr<Credentials> FromDirectory(const std::string& directory,
                                          const std::string& cluster) {
  const std::string base = absl::StrCat(directory, "/", cluster, "/");
  absl::StatusOr<std::string> user = ReadFile(base + kUserId);
  absl::StatusOr<std::string> key = user.ok() ? ReadFile(base + kUserKey) : user.status();
  if (!key.ok()) {
    return absl::UnauthenticatedError(absl::StrCat(
        "Ceph key for cluster ", cluster, ": ", key.status().message(),
        " (mount a Secret with the files ", base, kUserId, " and ", base, kUserKey,
        ", or give the StorageClass a secret with the keys ", kUserId, " and ", kUserKey, ")"));
  }
  return Checked({.user = *std::move(user), .key = *std::move(key)}, base);
}

}  // namespace

absl::StatusOr<Credentials> FindCredentials(
    const google::protobuf::Map<std::string, std::string>& secrets,
    const std::string& keys_directory, const std::string& cluster) {
  const auto user = secrets.find(kUserId);
  const auto key = secrets.find(kUserKey);
  if (user != secrets.end() && key != secrets.end()) {
    return Checked({.user = Trimmed(user->second), .key = Trimmed(key->second)},
                   "the request's secrets");
  }
  if (user != secrets.end() || key != secrets.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("secrets: only one of ", kUserId, " and ", kUserKey,
                     " (give both, or neither to use the driver's own)"));
  }
  // A cluster's name comes with requests and becomes a part of a path here.
  if (cluster.empty() || cluster == "." || cluster == ".." || absl::StrContains(cluster, '/')) {
    return absl::InvalidArgumentError(
        absl::StrCat("clusterID \"", cluster, "\": not a name (use one of the configuration)"));
  }
  if (keys_directory.empty()) {
    return absl::UnauthenticatedError(
        absl::StrCat("Ceph key for cluster ", cluster, ": the request has no secrets ", kUserId,
                     " and ", kUserKey, " and there is no --keys directory (set one of them)"));
  }
  return FromDirectory(keys_directory, cluster);
}

}  // namespace rbdcsi
