#include "controller/volume_record.h"

#include <limits>

#include "tests/catch.h"

namespace rbdcsi {
namespace {

VolumeRecord Full() {
  return {.name = "pvc-1",
          .features = 61,
          .order = 22,
          .stripe_unit = 65536,
          .stripe_count = 4,
          .data_pool = "ec",
          .map_options = "queue_depth=256",
          .unmap_options = "force",
          .mkfs_options = "-m 1",
          .tunables = {.deletion_delay = 3600, .max_iops = 5, .max_write_bandwidth = 1 << 20},
          .pvc = "default/data",
          .pv = "pvc-1"};
}

TEST_CASE("a record comes back from its JSON as it was") {
  const auto back = VolumeRecord::FromJson(Full().ToJson());
  REQUIRE(back.has_value());
  CHECK(back->ToJson() == Full().ToJson());
  CHECK(back->tunables == Full().tunables);
  CHECK(Difference(*back, Full()).empty());
}

TEST_CASE("the JSON of a record is a promise to later versions") {
  VolumeRecord small;
  small.name = "a";
  small.features = 5;
  small.order = 22;
  CHECK(small.ToJson() == R"({"imageFeatures":5,"name":"a","objectOrder":22,"v":1})");
}

TEST_CASE("what is no record, or one of a later version, is not taken for one") {
  CHECK_FALSE(VolumeRecord::FromJson("").has_value());
  CHECK_FALSE(VolumeRecord::FromJson("[]").has_value());
  CHECK_FALSE(VolumeRecord::FromJson("{}").has_value());
  CHECK_FALSE(VolumeRecord::FromJson(R"({"v":2,"name":"a"})").has_value());
  CHECK_FALSE(VolumeRecord::FromJson(R"({"v":1,"name":5})").has_value());
  CHECK_FALSE(VolumeRecord::FromJson(R"({"v":"1"})").has_value());
}

TEST_CASE("a number that does not fit, or is none, is no number of a record") {
  CHECK(VolumeRecord::FromJson(R"({"v":1,"depth":18446744073709551615})")->depth ==
        std::numeric_limits<uint64_t>::max());
  for (const char* number : {"1e91", "-1", "1.5", "18446744073709551616", "true", "null"}) {
    INFO(number);
    CHECK_FALSE(VolumeRecord::FromJson(std::string(R"({"v":1,"depth":)") + number + "}"));
  }
  CHECK_FALSE(VolumeRecord::FromJson(R"({"v":1,"objectOrder":256})").has_value());
  CHECK_FALSE(VolumeRecord::FromJson(R"({"v":1e91})").has_value());
}

TEST_CASE("a difference names the parameter and both values, and who claims it does not matter") {
  VolumeRecord other = Full();
  other.mkfs_options = "-m 5";
  CHECK(Difference(Full(), other) == R"(mkfsOptions is "-m 1", asked for "-m 5")");
  other = Full();
  other.tunables.max_iops = 0;
  CHECK(Difference(Full(), other) == "maxIOPS is 5, asked for 0");
  other = Full();
  other.pvc = "default/other";
  CHECK(Difference(Full(), other).empty());
}

TEST_CASE("a name that is not UTF-8 still makes a record") {
  VolumeRecord odd;
  odd.name = "\xff";
  CHECK(VolumeRecord::FromJson(odd.ToJson()).has_value());
}

}  // namespace
}  // namespace rbdcsi
