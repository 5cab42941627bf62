// Frees the space of deleted volumes, in the background.
//
// A deleted volume lies in the RBD trash; the reaper removes from there what is ours (named csi.*,
// put there by a user, its time passed), at start, soon after each delete and at an interval. It
// keeps no state: after a crash the next round finds the same trash, half-removed entries included.
// What cannot go yet (snapshots or clones alive, a dead client's watch) waits for the next round.
// One removal at a time, and a pause as long as the removal took, so that it never takes more than
// half of what one client may ask of Ceph. Several controllers may reap the same trash.
#pragma once

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "controller/stores.h"

namespace rbdcsi {

class Reaper {
 public:
  // `interval` zero: no thread, no reaping.
  Reaper(Stores& stores, absl::Duration interval);
  // Ends after the removal in hand.
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  // There is something to reap. Any thread; does not wait.
  void Wake();

 private:
  void Run();
  void ReapEverything();
  void ReapPlace(const Place& place);
  bool Stopping();
  // False: stop.
  bool Pause(absl::Duration duration);
  bool WaitForWork();

  Stores& stores_;
  const absl::Duration interval_;
  absl::Mutex mutex_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace rbdcsi
