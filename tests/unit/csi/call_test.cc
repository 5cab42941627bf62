#include "csi/call.h"

#include <string>

#include "csi/step.h"
#include "tests/catch.h"

namespace rbdcsi {

TEST_CASE("a call knows the innermost step it is at") {
  const Call call("CreateVolume", "0001", absl::Now());
  CHECK(std::string(call.step()) == "start");
  {
    const Step outer("outer");
    CHECK(std::string(call.step()) == "outer");
    {
      const Step inner("inner");
      CHECK(std::string(call.step()) == "inner");
    }
    CHECK(std::string(call.step()) == "outer");
  }
  CHECK(std::string(call.step()) == "start");
}

TEST_CASE("a call knows its slowest step") {
  const Call call("CreateVolume", "0001", absl::Now());
  CHECK(call.slowest_step() == nullptr);
  { const Step step("quick"); }
  {
    const Step step("slow");
    absl::SleepFor(absl::Milliseconds(20));
  }
  { const Step step("quick"); }
  CHECK(std::string(call.slowest_step()) == "slow");
  CHECK(call.slowest_time() >= absl::Milliseconds(20));
}

TEST_CASE("the current call is this thread's innermost one") {
  CHECK(Call::Current() == nullptr);
  const Call outer("Outer", "1", absl::Now());
  {
    const Call inner("Inner", "2", absl::Now());
    CHECK(Call::Current() == &inner);
  }
  CHECK(Call::Current() == &outer);
}

TEST_CASE("a step outside of a call does nothing") {
  const Step step("alone");
  CHECK(Call::Current() == nullptr);
}

}  // namespace rbdcsi
