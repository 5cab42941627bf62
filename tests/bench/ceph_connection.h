// The bench's own connection to Ceph, and the daemons' performance counters read through it.
//
// Counters come by `tell ... perf dump`, so they can be read from wherever Ceph can be reached, the
// inside of a node included. The OSD's `osd.op` counts client operations; reading it is a command
// and not one of them. The monitor's `paxos.commit` counts changes of the cluster maps and logs.
// One OSD and one monitor are asked: a throwaway cluster has no more. Any thread after Connect().
#pragma once

#include <rados/librados.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "csi/status.h"

namespace rbdcsi {

// Negative return values of librados and librbd as a status: "what: cause".
absl::Status CephStatus(int result, std::string_view what);

struct CephTarget {
  std::string conf;     // empty: $CEPH_CONF, /etc/ceph/ceph.conf, as every client of Ceph
  std::string keyring;  // empty: what the configuration says
  std::string user = "admin";
  std::string pool = "rbd";
  int osd = 0;
  std::string mon = "a";
};

struct Counters {
  double osd_ops = 0;
  double mon_commits = 0;

  friend Counters operator-(const Counters& a, const Counters& b) {
    return {.osd_ops = a.osd_ops - b.osd_ops, .mon_commits = a.mon_commits - b.mon_commits};
  }
};

class CephConnection {
 public:
  static absl::StatusOr<std::unique_ptr<CephConnection>> Connect(const CephTarget& target);
  ~CephConnection();
  CephConnection(const CephConnection&) = delete;
  CephConnection& operator=(const CephConnection&) = delete;

  rados_ioctx_t pool() const { return pool_; }
  absl::StatusOr<Counters> ReadCounters();

 private:
  explicit CephConnection(CephTarget target) : target_(std::move(target)) {}
  absl::Status Open();

  CephTarget target_;
  rados_t cluster_ = nullptr;
  rados_ioctx_t pool_ = nullptr;
};

}  // namespace rbdcsi
