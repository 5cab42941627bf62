#include "csi/step.h"

#include "csi/call.h"

namespace rbdcsi {

Step::Step(const char* name) : name_(name), outer_(nullptr) {
  if (Call* call = Call::Current()) {
    outer_ = call->step_.exchange(name_, std::memory_order_relaxed);
  }
}

Step::~Step() {
  Call* call = Call::Current();
  if (call == nullptr || outer_ == nullptr) {
    return;
  }
  call->step_.store(outer_, std::memory_order_relaxed);
  if (const absl::Duration took = absl::Now() - entered_; took > call->slowest_time_) {
    call->slowest_step_ = name_;
    call->slowest_time_ = took;
  }
}

}  // namespace rbdcsi
