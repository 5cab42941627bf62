// The controller's RPCs against librbd and librados: `csi-bench controller`.
//
// One round makes a set of volumes by the driver and as many raw images of the same shape, and each
// RPC then works on every one of them once, in the order of a volume's life: create, the repeat of
// create, publish, unpublish, expand, delete. What it made is gone at the end, or in the trash.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/bench/ceph_connection.h"
#include "tests/bench/csi_client.h"

namespace rbdcsi {

struct ControllerBench {
  std::string socket;
  CephTarget ceph;
  std::vector<int> callers = {1, 8, 32};
  int count = 300;  // timed calls of each RPC for each number of callers
  int warmup = 20;
  int count_operations = 0;  // calls of the round that counts operations; 0: no such round
  int existing = 0;          // volumes made before everything else
  int size_mib = 1024;
  StringMap parameters = {{"pool", "rbd"}};
  std::string node_id = "v1/bench/192.0.2.250";
  bool leave_trash = false;  // do not purge the raw images from the trash: Ceph is thrown away
};

absl::Status RunControllerBench(const ControllerBench& bench);

}  // namespace rbdcsi
