// ListVolumes, and what many volumes do to CreateVolume: `csi-bench lists`.
//
// With `existing` volumes to make, CreateVolume is timed beside raw rbd_create4 before and after
// they are made: the driver must not become slower by more than the machine does meanwhile. Then
// pages of 1,000 are timed. Without, a few volumes are listed and the operations counted.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "tests/bench/ceph_connection.h"
#include "tests/bench/csi_client.h"

namespace rbdcsi {

struct ListBench {
  std::string socket;
  CephTarget ceph;
  int existing = 0;   // volumes to make
  int entries = 200;  // volumes to list when there are no others
  int count = 100;    // timed calls of CreateVolume, before and after
  int walks = 2;      // through all the pages
  int size_mib = 1024;
  StringMap parameters = {{"pool", "rbd"}};
};

absl::Status RunListBench(const ListBench& bench);

}  // namespace rbdcsi
