#include "csi/publish_context.h"

#include "tests/catch.h"

namespace rbdcsi {
namespace {

PublishContext Full() {
  return {
      .monitors = "192.0.2.1:3300",
      .pool = "rbd",
      .rados_namespace = "ns",
      .image = "csi.a",
      .user = "rbd-csi-node",
      .size_bytes = uint64_t{1} << 40,
      .map_options = "ms_mode=prefer-crc",
      .unmap_options = "force",
      .mkfs_options = "-m 1",
      .read_only = true,
      .replay_journal = true,
      .limits = {.read_iops = 1, .write_iops = 2, .read_bps = 3, .write_bps = uint64_t{1} << 40}};
}

}  // namespace

TEST_CASE("a publish context survives the way to the node") {
  CHECK(PublishContext::FromMap(Full().ToMap()).value() == Full());
  PublishContext least;
  least.monitors = "m";
  least.pool = "p";
  least.image = "i";
  CHECK(PublishContext::FromMap(least.ToMap()).value() == least);
}

TEST_CASE("a limit that is not set is no key") {
  PublishContext context = Full();
  context.limits = {.write_iops = 500};
  const PublishContext::Map map = context.ToMap();
  CHECK(map.at("writeIops") == "500");
  CHECK(map.count("readIops") + map.count("readBps") + map.count("writeBps") == 0);
  CHECK(PublishContext::FromMap(map).value() == context);
}

TEST_CASE("keys of a newer controller are ignored") {
  PublishContext::Map map = Full().ToMap();
  map["unheardOf"] = "x";
  CHECK(PublishContext::FromMap(map).value() == Full());
}

TEST_CASE("a publish context without a needed key is refused by that key") {
  for (const char* key : {"monitors", "pool", "image"}) {
    PublishContext::Map map = Full().ToMap();
    map.erase(key);
    const absl::Status status = PublishContext::FromMap(map).status();
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK_THAT(std::string(status.message()),
               Catch::Matchers::Contains(std::string("publish_context ") + key + ": missing"));
  }
}

TEST_CASE("malformed values are refused by their key") {
  for (const auto& [key, value] : {std::pair{"sizeBytes", "1GiB"},
                                   {"sizeBytes", "-1"},
                                   {"readOnly", "maybe"},
                                   {"replayJournal", "2"},
                                   {"readIops", "-1"},
                                   {"writeBps", "1M"}}) {
    PublishContext::Map map = Full().ToMap();
    map[key] = value;
    const absl::Status status = PublishContext::FromMap(map).status();
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK_THAT(std::string(status.message()), Catch::Matchers::Contains(key));
  }
}

}  // namespace rbdcsi
