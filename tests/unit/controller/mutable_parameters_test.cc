#include "controller/mutable_parameters.h"

#include "controller/image_features.h"
#include "controller/modifier.h"
#include "controller/parameters.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

constexpr uint64_t kMi = uint64_t{1} << 20;

Tunables Parsed(const std::map<std::string, std::string>& parameters) {
  Tunables tunables;
  const auto parsed = ParseMutableParameters(parameters);
  INFO(parsed.status().ToString());
  REQUIRE(parsed.ok());
  parsed->ApplyTo(tunables);
  return tunables;
}

std::string Refusal(const std::map<std::string, std::string>& parameters) {
  const absl::Status status = ParseMutableParameters(parameters).status();
  CHECK(absl::IsInvalidArgument(status));
  return std::string(status.message());
}

TEST_CASE("times and sizes are what people write") {
  CHECK(Parsed({{"deletionDelay", "90s"}}).deletion_delay == 90);
  CHECK(Parsed({{"deletionDelay", "15m"}}).deletion_delay == 900);
  CHECK(Parsed({{"deletionDelay", "24h"}}).deletion_delay == 86400);
  CHECK(Parsed({{"deletionDelay", "7d"}}).deletion_delay == 7 * 86400);
  CHECK(Parsed({{"deletionDelay", "0"}}).deletion_delay == 0);
  CHECK(Parsed({{"maxIOPS", "500"}}).max_iops == 500);
  CHECK(Parsed({{"maxReadBandwidth", "1048576"}}).max_read_bandwidth == kMi);
  CHECK(Parsed({{"maxBandwidth", "512Ki"}}).max_bandwidth == kMi / 2);
  CHECK(Parsed({{"maxWriteBandwidth", "20Mi"}}).max_write_bandwidth == 20 * kMi);
  CHECK(Parsed({{"maxBandwidth", "1Gi"}}).max_bandwidth == 1024 * kMi);
}

TEST_CASE("a mutable parameter that is malformed is refused with its key and its form") {
  for (const char* bad : {"", "90", "s", "-1s", "1.5h", "1w", "4000d", "99999999999999999999s"}) {
    INFO(bad);
    CHECK(Refusal({{"deletionDelay", bad}}).find("deletionDelay") != std::string::npos);
  }
  for (const char* bad : {"", "-5", "many", "5k", "+5", "18446744073709551616"}) {
    INFO(bad);
    CHECK(Refusal({{"maxIOPS", bad}}).find("maxIOPS") != std::string::npos);
  }
  for (const char* bad : {"", "1M", "1 Mi", "Mi", "18446744073709551615Ki"}) {
    INFO(bad);
    CHECK(Refusal({{"maxBandwidth", bad}}).find("Mi") != std::string::npos);
  }
  CHECK(Refusal({{"imageFeatures", "object-map"}}).find("exclusive-lock") != std::string::npos);
}

TEST_CASE("a mutable parameter that is not known is answered with the nearest one that is") {
  CHECK(Refusal({{"maxIops2", "5"}}).find("maxIOPS") != std::string::npos);
  CHECK(Refusal({{"deleteDelay", "5s"}}).find("deletionDelay") != std::string::npos);
  CHECK(Refusal({{"imageFeature", "layering"}}).find("imageFeatures") != std::string::npos);
}

TEST_CASE("what is not given stays, and 0 takes it away") {
  Tunables tunables = Parsed({{"maxIOPS", "500"}, {"deletionDelay", "1h"}});
  const auto change = ParseMutableParameters({{"maxIOPS", "0"}, {"maxReadIOPS", "7"}});
  REQUIRE(change.ok());
  change->ApplyTo(tunables);
  CHECK(tunables.max_iops == 0);
  CHECK(tunables.max_read_iops == 7);
  CHECK(tunables.deletion_delay == 3600);
}

TEST_CASE("of a limit for both directions and one for this direction the lower one counts") {
  const IoLimits limits = Parsed({{"maxIOPS", "100"},
                                  {"maxReadIOPS", "200"},
                                  {"maxWriteIOPS", "50"},
                                  {"maxReadBandwidth", "1Mi"}})
                              .Limits();
  CHECK(limits.read_iops == 100);
  CHECK(limits.write_iops == 50);
  CHECK(limits.read_bps == kMi);
  CHECK(limits.write_bps == 0);
  CHECK_FALSE(Tunables().Limits().Any());
}

TEST_CASE("a StorageClass may give tunables as well") {
  const auto parsed = ParseParameters({{"pool", "rbd"}, {"maxIOPS", "5"}});
  REQUIRE(parsed.ok());
  Tunables tunables;
  parsed->tunables.ApplyTo(tunables);
  CHECK(tunables.max_iops == 5);
  CHECK(absl::IsInvalidArgument(ParseParameters({{"pool", "rbd"}, {"maxIOPS", "x"}}).status()));
}

TEST_CASE("features that can be switched later are, and the others are refused") {
  const uint64_t locked = kFeatureLayering | kFeatureExclusiveLock;
  const uint64_t mapped = locked | kFeatureObjectMap | kFeatureFastDiff;
  CHECK(DecideFeatures(locked | kFeatureOperations, mapped)->on ==
        (kFeatureObjectMap | kFeatureFastDiff));
  CHECK(DecideFeatures(locked | kFeatureOperations, mapped)->off == 0);
  CHECK(DecideFeatures(mapped | kFeatureStriping, kFeatureLayering)->off ==
        (kFeatureExclusiveLock | kFeatureObjectMap | kFeatureFastDiff));
  CHECK(DecideFeatures(kDefaultImageFeatures, mapped)->off == kFeatureDeepFlatten);
  CHECK(DecideFeatures(mapped, mapped)->on == 0);
  CHECK(absl::IsInvalidArgument(DecideFeatures(mapped, kDefaultImageFeatures).status()));
  CHECK(absl::IsInvalidArgument(DecideFeatures(locked, kFeatureExclusiveLock).status()));
  CHECK(absl::IsInvalidArgument(DecideFeatures(kFeatureExclusiveLock, locked).status()));
}

}  // namespace
}  // namespace rbdcsi
