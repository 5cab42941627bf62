#include "csi/call.h"

#include <utility>

namespace rbdcsi {
namespace {

// One call per thread: the synchronous server serves a call on one thread from beginning to end.
thread_local Call* current = nullptr;

}  // namespace

Call::Call(std::string method, std::string id, absl::Time deadline)
    : method_(std::move(method)),
      id_(std::move(id)),
      start_(absl::Now()),
      deadline_(deadline),
      previous_(std::exchange(current, this)) {}

Call::~Call() { current = previous_; }

Call* Call::Current() { return current; }

}  // namespace rbdcsi
