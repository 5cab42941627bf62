// NodeStage and NodeUnstage of formatted volumes against the raw kernel calls: `csi-bench node`.
//
// It runs where the node plugin runs. The volumes were created and published by somebody else, who
// hands over a JSON list of {"volume_id", "publish_context"}: two for each caller, the first half
// for the driver and the second half for the floor. All of them are formatted first, by one stage
// and unstage of the driver.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "tests/bench/ceph_connection.h"

namespace rbdcsi {

struct NodeBench {
  std::string socket;
  std::string volumes;   // file with the list
  std::string key_file;  // the node user's key, for the floor
  std::string directory = "/var/lib/kubelet/plugins/csi-bench";  // staging paths are made under it
  int callers = 1;
  int count = 30;  // timed calls of each RPC
  int warmup = 3;
  int count_operations = 0;  // calls of the round that counts operations; 0: no such round
  int existing = 0;          // for the report only
  CephTarget ceph;           // asked for counters only
};

absl::Status RunNodeBench(const NodeBench& bench);

}  // namespace rbdcsi
