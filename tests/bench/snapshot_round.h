// The volumes and raw images that the snapshot bench works on, and what it does with each of them.
//
// Item i is the i-th volume and the i-th raw image of the same shape. A contest's operations may
// run in any thread, each item in one at a time; all the rest in one thread.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "tests/bench/ceph_floor.h"
#include "tests/bench/csi_client.h"
#include "tests/bench/measure.h"
#include "tests/bench/snapshot_floor.h"

namespace rbdcsi {

class SnapshotRound {
 public:
  // Volumes are made like `like`; its name begins every name.
  SnapshotRound(CsiClient::Wanted like, CephConnection& connection, CsiClient& client)
      : like_(std::move(like)), client_(client), floor_(connection), images_(connection) {}

  // The items, and one volume and one image more with a snapshot that is cloned from.
  absl::Status Prepare(int items);

  // A snapshot of each item, its life long. `label` keeps names apart.
  Contest Create(const std::string& label);
  Contest Repeat(const std::string& label);
  Contest Delete(const std::string& label);
  Contest CloneVolume();
  // Item i is a clone of the one snapshot: there may be more of them than volumes.
  Contest CloneSnapshot(const std::string& label);

  // Removes everything.
  absl::Status Clean();

 private:
  absl::Status MakeParents();
  absl::Status Clone(const CsiClient::Wanted& wanted);
  CsiClient::Wanted Child(const std::string& label, int item) const;
  std::string RawName(int item) const;
  std::string RawChildName(const std::string& label, int item) const;
  void Remember(std::vector<std::string>* list, const std::string& one);

  CsiClient::Wanted like_;
  CsiClient& client_;
  SnapshotFloor floor_;
  CephFloor images_;
  ImageShape shape_;
  std::vector<std::string> volumes_;    // ids; the last one is the parent
  std::vector<std::string> snapshots_;  // the latest id of each item, then the parent's

  absl::Mutex mutex_;  // what Clean() has to remove beside the volumes and raw images
  std::vector<std::string> clones_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> raw_clones_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> taken_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rbdcsi
