// A named step of a call: one change to the outside world (an image made, a device mapped, a
// mount).
//
//   { Step step("map device"); ... }          // around the one act that changes something, reads
//   need none
//
// It does two things with one mechanism. In the daemons it records where the current call is, so
// that an ABORTED answer and the slow-call log line can name it. In the fault-injecting variants
// (tests/faulty/step.cc is linked in place of csi/step.cc) the process kills itself before or after
// the N-th step, which is how the kill matrix finds every step of every RPC without a list of them.
// So: put a Step around everything that changes Ceph, the kernel or a file system.
//
// `name` must be a string literal. Any thread; without a current call only the fault injection is
// left.
#pragma once

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace rbdcsi {

class Step {
 public:
  explicit Step(const char* name);
  ~Step();
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

 private:
  const char* name_;
  const char* outer_;
  absl::Time entered_ = absl::Now();
};

}  // namespace rbdcsi
