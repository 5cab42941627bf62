#include "node/io_limiter.h"

#include "absl/time/clock.h"
#include "tests/catch.h"
#include "tests/unit/node/scratch.h"

namespace rbdcsi {

TEST_CASE("a limit that is not set is written as max") {
  CHECK(IoMaxLine({254, 16}, {}) == "254:16 rbps=max wbps=max riops=max wiops=max");
  CHECK(IoMaxLine({254, 0}, {.read_iops = 1, .write_iops = 2, .read_bps = 3, .write_bps = 4}) ==
        "254:0 rbps=3 wbps=4 riops=1 wiops=2");
}

TEST_CASE("a volume without limits takes off its own entry only") {
  Scratch root;
  const IoLimiter limiter(root.path());
  const std::string file = root.File("kubepods/pod1/io.max", "254:1 rbps=5 wbps=max riops=9\n");
  LimitRequest request{.object = "rbd/csi.a",
                       .target_path = "/k/pods/1/volumes/kubernetes.io~csi/pv/mount",
                       .device = {254, 16},
                       .limits = {}};
  CHECK(limiter.Apply(request, absl::Now() + absl::Seconds(30)).ok());
  CHECK(Read(file, 0, 30) == "254:1 rbps=5 wbps=max riops=9\n");
  request.device = {254, 1};
  CHECK(limiter.Apply(request, absl::Now() + absl::Seconds(30)).ok());
  CHECK(Read(file, 0, 43) == "254:1 rbps=max wbps=max riops=max wiops=max");
}

TEST_CASE("limits outside of a pod are refused and none are nothing to do") {
  const IoLimiter limiter("/nonexistent");
  LimitRequest request{
      .object = "rbd/csi.a", .target_path = "/tmp/target", .device = {254, 0}, .limits = {}};
  CHECK(limiter.Apply(request, absl::Now() + absl::Seconds(30)).ok());
  request.limits.read_bps = 1;
  CHECK(absl::IsFailedPrecondition(limiter.Apply(request, absl::Now() + absl::Seconds(30))));
}

}  // namespace rbdcsi
