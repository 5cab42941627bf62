// The open connections: one per cluster and Ceph user, made when first needed.
//
// Start and Probe need no Ceph, so nothing connects before a call asks. One thread connects to a
// cluster at a time and the others wait for its outcome, failures included (a dead cluster costs a
// waiting crowd one timeout, not one each); other clusters are not held up. A connection is made
// anew when the monitors or the key change, or when this client is dead. Any thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "controller/ceph_handles.h"
#include "controller/config.h"
#include "csi/credentials.h"

namespace rbdcsi {

class ClusterRegistry {
 public:
  absl::StatusOr<std::shared_ptr<Cluster>> Get(const ClusterConfig& config,
                                               const Credentials& credentials);
  // A connection to this cluster that some call has made, or null: for work that has no
  // credentials of its own when the keys come with the requests.
  std::shared_ptr<Cluster> Any(const std::string& cluster_id);

 private:
  struct Entry {
    absl::Mutex connecting;  // held while rados_connect runs
    std::shared_ptr<Cluster> cluster ABSL_GUARDED_BY(connecting);
    std::string monitors ABSL_GUARDED_BY(connecting);
    size_t key_hash ABSL_GUARDED_BY(connecting) = 0;
    absl::Status failure ABSL_GUARDED_BY(connecting);
    absl::Time failed_at ABSL_GUARDED_BY(connecting) = absl::InfinitePast();
    size_t failed_key_hash ABSL_GUARDED_BY(connecting) = 0;
  };
  using Key = std::pair<std::string, std::string>;  // cluster id, user
  std::shared_ptr<Entry> EntryFor(const Key& key);

  absl::Mutex mutex_;
  std::map<Key, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rbdcsi
