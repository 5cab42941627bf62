// Steps that kill or stop: linked in place of csi/step.cc into the *-faulty daemons, never into
// what ships.
//
//   RBDCSI_DIE_AT=CreateVolume:3        before the 3rd step boundary of the first CreateVolume
//   RBDCSI_STOP_AT=CreateVolume:3       there the process stops until it is continued (SIGCONT), so
//                                       that a test can let another controller go first
//
// Each step has two boundaries: entering it (nothing done yet) and leaving it (the act is done).
// Boundaries are counted from 1 over all steps of one call of that method; "*" for the method
// counts those outside of calls too (the reaper). A call that passes fewer boundaries than N
// survives, which is how a test finds out that it has seen them all.
#include "csi/step.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "csi/call.h"

namespace rbdcsi {
namespace {

struct Plan {
  int signal = 0;  // 0: none
  const char* word = "";
  std::string method;
  long boundary = 0;
};

Plan ReadPlan() {
  Plan plan = {.signal = SIGKILL, .word = "died", .method = "", .boundary = 0};
  const char* text =
      std::getenv("RBDCSI_DIE_AT");  // NOLINT(concurrency-mt-unsafe): nothing here calls setenv
  if (text == nullptr) {
    text = std::getenv("RBDCSI_STOP_AT");  // NOLINT(concurrency-mt-unsafe)
    plan.signal = SIGSTOP;
    plan.word = "stopped";
  }
  const std::string place(text != nullptr ? text : "");
  const size_t colon = place.find(':');
  if (colon == std::string::npos) {
    return {};
  }
  plan.method = place.substr(0, colon);
  plan.boundary = std::strtol(place.c_str() + colon + 1, nullptr, 10);
  return plan;
}

// The count belongs to a call, not to the process: a repeated call starts from 1 again.
thread_local std::string counted_call;
thread_local long passed = 0;

void Boundary(const char* name, const char* side) {
  static const Plan plan = ReadPlan();
  const Call* call = Call::Current();
  if (plan.signal == 0 ||
      (plan.method != "*" && (call == nullptr || call->method() != plan.method))) {
    return;
  }
  const std::string id = call != nullptr ? call->id() : std::string();
  if (id != counted_call) {
    counted_call = id;
    passed = 0;
  }
  if (++passed != plan.boundary) {
    return;
  }
  std::fprintf(stderr, "rbdcsi-%s %s %ld %s %s\n", plan.word, plan.method.c_str(), plan.boundary,
               side, name);
  std::fflush(stderr);
  // Not kill(): by that the process may stop only after this thread has gone on for a while.
  raise(plan.signal);
}

}  // namespace

Step::Step(const char* name) : name_(name), outer_(nullptr) {
  if (Call* call = Call::Current()) {
    outer_ = call->step_.exchange(name_, std::memory_order_relaxed);
  }
  Boundary(name_, "before");
}

Step::~Step() {
  Boundary(name_, "after");
  if (Call* call = Call::Current(); call != nullptr && outer_ != nullptr) {
    call->step_.store(outer_, std::memory_order_relaxed);
  }
}

}  // namespace rbdcsi
