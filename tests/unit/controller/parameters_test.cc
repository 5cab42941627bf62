#include "controller/parameters.h"

#include "controller/image_features.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

std::string ErrorOf(ParameterMap parameters) {
  parameters.emplace("pool", "rbd");
  const auto parsed = ParseParameters(parameters);
  CHECK(absl::IsInvalidArgument(parsed.status()));
  return std::string(parsed.status().message());
}

bool Says(const std::string& message, const std::string& part) {
  INFO(message);
  return message.find(part) != std::string::npos;
}

TEST_CASE("a pool is all that must be said, and the defaults are librbd's") {
  const auto parsed = ParseParameters({{"pool", "rbd"}});
  REQUIRE(parsed.ok());
  CHECK(parsed->pool == "rbd");
  CHECK(parsed->image.features == kDefaultImageFeatures);
  CHECK(parsed->image.order == 22);
  CHECK(absl::IsInvalidArgument(ParseParameters({}).status()));
}

TEST_CASE("a key that is not known is refused with the nearest one that is") {
  CHECK(Says(ErrorOf({{"imageFeature", "layering"}}), "did you mean imageFeatures?"));
  CHECK(Says(ErrorOf({{"mapoptions", "x"}}), "did you mean mapOptions?"));
  CHECK(Says(ErrorOf({{"clusterId", "x"}}), "did you mean clusterID?"));
}

TEST_CASE("metadata of Kubernetes is kept for people, and unknown ones are no mistake") {
  const auto parsed = ParseParameters({{"pool", "rbd"},
                                       {"csi.storage.k8s.io/pvc/name", "data"},
                                       {"csi.storage.k8s.io/pvc/namespace", "default"},
                                       {"csi.storage.k8s.io/pv/name", "pvc-1"},
                                       {"csi.storage.k8s.io/something/new", "x"}});
  REQUIRE(parsed.ok());
  CHECK(parsed->pvc == "default/data");
  CHECK(parsed->pv == "pvc-1");
}

TEST_CASE("image features are named, need each other and must suit the kernel") {
  CHECK(*ParseImageFeatures("layering, exclusive-lock") ==
        (kFeatureLayering | kFeatureExclusiveLock));
  CHECK(Says(ErrorOf({{"imageFeatures", "layering,object-map"}}), "needs exclusive-lock"));
  CHECK(Says(ErrorOf({{"imageFeatures", "exclusive-lock,fast-diff"}}), "needs object-map"));
  CHECK(Says(ErrorOf({{"imageFeatures", "journaling,exclusive-lock"}}), "kernel"));
  CHECK(Says(ErrorOf({{"imageFeatures", "layerign"}}), "did you mean layering?"));
  CHECK(Says(ErrorOf({{"imageFeatures", ""}}), "empty"));
}

TEST_CASE("striping needs both numbers and fits the object") {
  const auto parsed = ParseParameters(
      {{"pool", "rbd"}, {"objectSize", "8388608"}, {"stripeUnit", "65536"}, {"stripeCount", "4"}});
  REQUIRE(parsed.ok());
  CHECK(parsed->image.order == 23);
  CHECK(parsed->image.stripe_unit == 65536);
  CHECK(Says(ErrorOf({{"stripeUnit", "65536"}}), "one needs the other"));
  CHECK(Says(ErrorOf({{"stripeUnit", "65537"}, {"stripeCount", "2"}}), "does not divide"));
  CHECK(Says(ErrorOf({{"objectSize", "5000000"}}), "power of two"));
  CHECK(Says(ErrorOf({{"objectSize", "4M"}}), "not a number"));
  CHECK(Says(ErrorOf({{"stripeUnit", "-1"}, {"stripeCount", "2"}}), "not a number"));
}

TEST_CASE("map options are spelled as for ceph-csi, and only the kernel client's count") {
  const auto parsed = ParseParameters(
      {{"pool", "rbd"}, {"mapOptions", "krbd:queue_depth=256,ms_mode=secure;nbd:try-netlink"}});
  REQUIRE(parsed.ok());
  CHECK(parsed->map_options == "queue_depth=256,ms_mode=secure");
  CHECK(ParseParameters({{"pool", "rbd"}, {"mapOptions", "notrim"}})->map_options == "notrim");
}

TEST_CASE("an option that leaks a key or defeats the guard is refused with the reason") {
  CHECK(Says(ErrorOf({{"mapOptions", "secret=AQB"}}), "Secret"));
  CHECK_FALSE(Says(ErrorOf({{"mapOptions", "secret=AQB"}}), "AQB"));
  CHECK(Says(ErrorOf({{"mapOptions", "exclusive"}}), "online expansion"));
  CHECK(Says(ErrorOf({{"mapOptions", "share"}}), "fence"));
  CHECK(Says(ErrorOf({{"mapOptions", "queue_dept=1"}}), "did you mean queue_depth?"));
  CHECK(Says(ErrorOf({{"mapOptions", "ms_mode=a b"}}), "not allowed"));
}

TEST_CASE("an option that the node would refuse with a value is refused with one") {
  CHECK(ParseParameters({{"pool", "rbd"}, {"mapOptions", "noudev"}}).ok());
  CHECK(Says(ErrorOf({{"mapOptions", "noudev=1"}}), "takes no value"));
}

TEST_CASE("mkfs options are words and reach no shell") {
  const auto parsed =
      ParseParameters({{"pool", "rbd"}, {"mkfsOptions", " -m  1 -E nodiscard,lazy_itable_init=1"}});
  REQUIRE(parsed.ok());
  CHECK(parsed->mkfs_options == "-m 1 -E nodiscard,lazy_itable_init=1");
  for (const char* bad : {"-m 1; reboot", "$(id)", "`id`", "a|b", "a>b", "'x'", "a\nb"}) {
    CHECK(Says(ErrorOf({{"mkfsOptions", bad}}), "mkfsOptions"));
  }
}

TEST_CASE("names of pools and namespaces cannot break a volume id") {
  CHECK(Says(ErrorOf({{"radosNamespace", "a/b"}}), "radosNamespace"));
  CHECK(Says(ErrorOf({{"radosNamespace", "-a"}}), "nor begin with '-'"));
  CHECK(Says(ErrorOf({{"dataPool", ""}}), "leave the key out"));
  CHECK(Says(ErrorOf({{"clusterID", "a@b"}}), "clusterID"));
  CHECK(Says(ErrorOf({{"mounter", "rbd-nbd"}}), "use \"rbd\""));
  CHECK(Says(ErrorOf({{"csi.storage.k8s.io/fstype", "btrfs"}}), "ext4"));
}

TEST_CASE("a static volume's attributes give options, and foreign keys are ignored") {
  const auto parsed =
      ParseStaticOptions({{"mapOptions", "notrim"}, {"staticVolume", "true"}, {"clusterID", "x"}});
  REQUIRE(parsed.ok());
  CHECK(parsed->map_options == "notrim");
  CHECK(absl::IsInvalidArgument(ParseStaticOptions({{"mapOptions", "key=1"}}).status()));
}

}  // namespace
}  // namespace rbdcsi
