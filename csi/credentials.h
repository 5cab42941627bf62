// Ceph users and keys: from the request's secrets, else from the mounted directory. Shared by both
// halves.
//
// Layout of the directory: <keys>/<clusterID>/userID and <keys>/<clusterID>/userKey, as a
// Kubernetes Secret mounts (the same two key names work in a StorageClass secret). Files are read
// at every use, so a rotated key is seen at once. A key never goes into a log line, a status
// message, argv, an environment variable or a file of ours.
#pragma once

#include <google/protobuf/map.h>

#include <string>

#include "absl/status/statusor.h"

namespace rbdcsi {

struct Credentials {
  std::string user;  // "rbd-csi-node", without "client."
  std::string key;   // base64, as `ceph auth get-key` prints it

  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// Secrets win over the directory; a request that carries only one of the two keys is
// INVALID_ARGUMENT. UNAUTHENTICATED: neither has them; the message names the secret keys and the
// files that were looked for. INVALID_ARGUMENT: the key is not base64 (the value is not repeated in
// the message).
absl::StatusOr<Credentials> FindCredentials(
    const google::protobuf::Map<std::string, std::string>& secrets,
    const std::string& keys_directory, const std::string& cluster);

}  // namespace rbdcsi
