// One RPC on its way through the process, and the step it is at.
//
// A Call lives on the stack of the gRPC thread that serves it (csi/rpc.h makes it); handlers get it
// by const reference. Other threads may read `step()` while it runs: that is how an ABORTED answer
// can name what the holder of a lock is doing. Everything else is set once, before the handler
// starts.
#pragma once

#include <atomic>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace rbdcsi {

class Call {
 public:
  // `deadline` is the caller's, or the border's default when the caller set none. It bounds waits;
  // it never cancels work that has begun (CSI spec, "timeouts": the CO repeats the same call, and
  // we go on where it was).
  Call(std::string method, std::string id, absl::Time deadline);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const std::string& method() const { return method_; }  // "CreateVolume"
  const std::string& id() const { return id_; }          // appears in every log line of this call
  absl::Time start() const { return start_; }
  absl::Time deadline() const { return deadline_; }
  absl::Duration remaining() const { return deadline_ - absl::Now(); }

  // The innermost step entered and not left; a string literal, never null. Any thread.
  const char* step() const { return step_.load(std::memory_order_relaxed); }

  // The step that took longest so far, null before the first one was left. The serving thread only.
  const char* slowest_step() const { return slowest_step_; }
  absl::Duration slowest_time() const { return slowest_time_; }

  // The call served by this thread, or null (a background thread, a test without a border).
  static Call* Current();

 private:
  friend class Step;
  std::string method_;
  std::string id_;
  absl::Time start_;
  absl::Time deadline_;
  std::atomic<const char*> step_{"start"};
  const char* slowest_step_ = nullptr;
  absl::Duration slowest_time_;
  Call* previous_;  // calls may nest in tests
};

}  // namespace rbdcsi
