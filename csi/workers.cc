#include "csi/workers.h"

#include <utility>

namespace rbdcsi {

Workers::~Workers() {
  std::vector<std::thread> threads;
  {
    absl::MutexLock hold(&mutex_);
    ending_ = true;
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

void Workers::Start(std::function<void()> work) {
  absl::MutexLock hold(&mutex_);
  // A thread counts as idle until it has taken its work, and the work as waiting.
  if (waiting_.size() >= idle_) {
    threads_.emplace_back([this] { Loop(); });
  }
  waiting_.push_back(std::move(work));
}

void Workers::Loop() {
  const auto wanted = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !waiting_.empty() || ending_;
  };
  for (;;) {
    std::function<void()> work;
    {
      absl::MutexLock hold(&mutex_);
      ++idle_;
      mutex_.Await(absl::Condition(&wanted));
      --idle_;
      if (waiting_.empty()) {
        return;
      }
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
  }
}

}  // namespace rbdcsi
