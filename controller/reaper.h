// Frees the space of deleted volumes, in the background.
//
// A deleted volume lies in the RBD trash; the reaper removes from there what is ours (named csi.*,
// put there by a user, its time passed), at start, soon after each delete and at an interval. It
// keeps no state: after a crash the next round finds the same trash, half-removed entries included.
// Snapshots that a user may still want keep their deleted volume, and so do clones of removed ones;
// its space comes back with the last of them. What cannot go yet waits for the next round. One
// removal at a time, and a pause as long as the removal took, so that it never takes more than half
// of what one client may ask of Ceph. Several controllers may reap the same trash. Each hour, and
// at start, it also looks for what calls have left behind that nobody repeats (sweeper.h).
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controller/rounds.h"
#include "controller/stores.h"
#include "csi/metrics.h"

namespace rbdcsi {

// Why a deleted volume stays in the trash.
enum class Kept {
  kNot,
  kSnapshots,  // a user may see them: of the user or the group namespace
  kClones,     // of snapshots that were removed
};
Kept WhyKept(const std::vector<SnapshotInfo>& snapshots);

class Reaper {
 public:
  // `interval` zero: no thread, no reaping.
  Reaper(Stores& stores, Metrics& metrics, absl::Duration interval);
  // Ends after the removal in hand.
  ~Reaper() = default;
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  // There is something to reap. Any thread; does not wait.
  void Wake() { rounds_.Wake(); }

 private:
  // What one round left in the trash, and why.
  struct Tally {
    int snapshots = 0;
    int clones = 0;
    int deferred = 0;
    int in_use = 0;
  };
  void Round();
  void ReapPlace(const Place& place, Tally& tally);
  void Reap(const OpenedPool& pool, const TrashedImage& image, Tally& tally);
  absl::StatusOr<Kept> Examine(const OpenedPool& pool, const Sight& sight);
  void SweepPlace(const Place& place);

  Stores& stores_;
  Metrics::Gauge kept_snapshots_;
  Metrics::Gauge kept_clones_;
  Metrics::Gauge kept_deferred_;
  Metrics::Gauge kept_in_use_;
  Metrics::Counter purged_;
  absl::Time swept_ = absl::InfinitePast();
  Rounds rounds_;  // the last: its thread uses all the rest
};

}  // namespace rbdcsi
