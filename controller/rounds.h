// Work in the background: a thread that does a round at start, when it is woken and at an interval,
// and the places that a round goes through.
//
// Wake, Stopping and Pause may be called by any thread; Start and Stop by the owner.
#pragma once

#include <functional>
#include <string_view>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "controller/stores.h"

namespace rbdcsi {

class Rounds {
 public:
  // `settle`: between being woken and the round. `interval` zero: no thread, no rounds.
  struct Timing {
    absl::Duration interval;
    absl::Duration settle;
  };
  explicit Rounds(Timing timing) : timing_(timing) {}
  ~Rounds() { Stop(); }
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

  void Start(std::function<void()> round);
  // Returns when the round in hand has ended, which should look at Stopping() often.
  void Stop();
  // There is work. Does not wait.
  void Wake();
  bool Stopping();
  // False: stop.
  bool Pause(absl::Duration duration);

 private:
  bool WaitForWork();

  const Timing timing_;
  absl::Mutex mutex_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// All places of all clusters with a key at hand; what cannot be listed is left out and logged as
// `who`'s trouble.
void ForEachPlace(Stores& stores, std::string_view who,
                  const std::function<void(const Place&)>& visit);

}  // namespace rbdcsi
