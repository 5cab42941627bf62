// The RPCs for snapshots and clones against librbd: `csi-bench snapshots`.
//
// What waits for the monitors takes a second, so there is one round of a few calls which counts
// operations and takes times at once, one caller, driver and raw calls in turns of one. It works on
// volumes without other snapshots or clones: a snapshot is taken, taken again and removed, then the
// volume is cloned. Then many volumes are snapshotted at the same time. Clones of one snapshot are
// quick: they are counted, then timed as everything else is.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/bench/ceph_connection.h"
#include "tests/bench/csi_client.h"

namespace rbdcsi {

struct SnapshotBench {
  std::string socket;
  CephTarget ceph;
  int count = 12;      // calls of what waits for the monitors
  int clones = 60;     // timed clones of a snapshot
  int parallel = 32;   // snapshots at the same time, of as many volumes
  int times = 3;       // how often that is done; the median is reported
  double idle_s = 10;  // how long the idle cluster is watched first
  int existing = 0;    // for the report only
  int size_mib = 1024;
  StringMap parameters = {{"pool", "rbd"}};
  bool leave_all = false;  // remove nothing at the end: Ceph is thrown away
};

absl::Status RunSnapshotBench(const SnapshotBench& bench);

}  // namespace rbdcsi
