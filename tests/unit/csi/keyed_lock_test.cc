#include "csi/keyed_lock.h"

#include <atomic>
#include <thread>
#include <vector>

#include "csi/step.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

Call MakeCall(const char* id) { return Call("NodeStageVolume", id, absl::InfiniteFuture()); }

}  // namespace

TEST_CASE("a busy key is ABORTED and the answer names holder, age and step") {
  KeyedLock lock;
  const Call holder("CreateVolume", "4f2a01bc", absl::InfiniteFuture());
  const auto guard = lock.TryAcquire("rbd/csi.a", holder);
  REQUIRE(guard.ok());
  const Step step("map device");
  absl::SleepFor(absl::Milliseconds(120));

  const Call other("DeleteVolume", "4f2a01bd", absl::InfiniteFuture());
  const absl::Status status = lock.TryAcquire("rbd/csi.a", other).status();
  CHECK(status.code() == absl::StatusCode::kAborted);
  CHECK_THAT(std::string(status.message()),
             Catch::Matchers::Matches(
                 "volume rbd/csi\\.a is busy: CreateVolume 4f2a01bc has held it "
                 "for (0\\.[1-9]|[1-9][0-9]*\\.[0-9]) s, at step \"map device\" \\(call again\\)"));
}

TEST_CASE("keys are independent, and free once their guard is gone") {
  KeyedLock lock;
  const Call call = MakeCall("1");
  {
    const auto first = lock.TryAcquire("a", call);
    CHECK(first.ok());
    CHECK(lock.TryAcquire("b", call).ok());
    CHECK_FALSE(lock.TryAcquire("a", call).ok());
  }
  CHECK(lock.TryAcquire("a", call).ok());
}

TEST_CASE("a moved guard holds the key once") {
  KeyedLock lock;
  const Call call = MakeCall("1");
  {
    auto first = lock.TryAcquire("a", call);
    REQUIRE(first.ok());
    const KeyedLock::Guard second = *std::move(first);
    CHECK_FALSE(lock.TryAcquire("a", call).ok());
  }
  CHECK(lock.TryAcquire("a", call).ok());
}

TEST_CASE("of many threads that want a key, one has it at a time") {
  KeyedLock lock;
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        const Call call("NodeStageVolume", "1", absl::InfiniteFuture());
        const Step step("round");
        if (const auto guard = lock.TryAcquire("a", call); guard.ok()) {
          taken.fetch_add(1);
          const int now = inside.fetch_add(1) + 1;
          most.store(std::max(most.load(), now));
          inside.fetch_sub(1);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(most == 1);
  CHECK(taken > 0);
}

}  // namespace rbdcsi
