#include "csi/workers.h"

#include <atomic>
#include <set>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "tests/catch.h"

namespace rbdcsi {

TEST_CASE("no work waits for other work") {
  constexpr int kCount = 40;
  absl::BlockingCounter inside(kCount);
  absl::Notification leave;
  Workers workers;
  for (int i = 0; i < kCount; ++i) {
    workers.Start([&] {
      inside.DecrementCount();
      leave.WaitForNotification();
    });
  }
  inside.Wait();
  leave.Notify();
}

TEST_CASE("the end waits for what was started") {
  std::atomic<int> done{0};
  {
    Workers workers;
    for (int i = 0; i < 100; ++i) {
      workers.Start([&] { ++done; });
    }
  }
  CHECK(done == 100);
}

TEST_CASE("a thread that has ended its work takes the next") {
  std::set<std::thread::id> threads;
  Workers workers;
  for (int i = 0; i < 50; ++i) {
    absl::Notification ended;
    workers.Start([&] {
      threads.insert(std::this_thread::get_id());
      ended.Notify();
    });
    ended.WaitForNotification();
  }
  // One may still be on its way back when the next work comes.
  CHECK(threads.size() <= 3);
}

}  // namespace rbdcsi
