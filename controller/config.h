// The clusters file: which Ceph clusters there are, in the shape of ceph-csi's config.json.
//
//   [{"clusterID": "prod", "monitors": ["192.0.2.1:3300"], "pools": ["rbd"],
//     "rbd": {"radosNamespace": "k8s"}}]
//
// So an existing ConfigMap mounts as it is; keys of ceph-csi that mean nothing here are accepted, a
// misspelt one is refused. The file is looked at on every use and read again when it has changed
// (Kubernetes replaces a mounted ConfigMap in place); a broken new file is logged once and the old
// content stays in force. Any thread.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace rbdcsi {

struct ClusterConfig {
  std::string id;
  std::vector<std::string> monitors;  // as written
  std::string rados_namespace;        // for volumes whose parameters name none
  std::vector<std::string> pools;     // to list and clean; empty: every pool made for RBD

  // For librados: "v2:" and "v1:" prefixes mean what they say; without one, port 3300 speaks v2 and
  // 6789 v1.
  std::string MonHost() const;
  // For krbd, which takes one plain address a monitor: no prefixes; of a pair "[v2:A,v1:B]" the v2
  // one when it has the well-known port 3300 (the node sets ms_mode by that), else the v1 one.
  std::string KernelMonitors() const;

  friend bool operator==(const ClusterConfig&, const ClusterConfig&) = default;
};

using ClusterList = std::vector<ClusterConfig>;

// INVALID_ARGUMENT "line 4: ..." naming the key.
absl::StatusOr<ClusterList> ParseClusters(std::string_view text);

class ClustersFile {
 public:
  explicit ClustersFile(std::string path) : path_(std::move(path)) {}

  // FAILED_PRECONDITION naming file, line and key when no good version was ever read.
  absl::StatusOr<std::shared_ptr<const ClusterList>> Read();
  // Empty `id`: the only cluster. INVALID_ARGUMENT when there are several, or none of this id.
  absl::StatusOr<ClusterConfig> Find(const std::string& id);

 private:
  // What tells one version of the file from another.
  struct Version {
    ino_t inode = 0;
    timespec modified = {};
    off_t size = -1;
    bool SameAs(const Version& other) const;
  };
  absl::StatusOr<ClusterList> Load(Version* version) const;

  const std::string path_;
  absl::Mutex mutex_;
  Version version_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const ClusterList> clusters_ ABSL_GUARDED_BY(mutex_);
  absl::Status last_error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rbdcsi
