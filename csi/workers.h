// Threads for work that others must be able to stop waiting for.
//
// A blocking call of librbd or the kernel cannot be ended from outside. What must answer in time
// hands it to one of these, and waits for as long as it can. Any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace rbdcsi {

class Workers {
 public:
  Workers() = default;
  // Waits for all that was started.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Begins at once, on a thread that has ended its work or on a new one: never behind other work.
  // There are as many threads as were ever busy together; they stay. std::system_error: the machine
  // gives no more threads, and nothing was started.
  void Start(std::function<void()> work);

 private:
  void Loop();

  absl::Mutex mutex_;
  std::deque<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  size_t idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace rbdcsi
