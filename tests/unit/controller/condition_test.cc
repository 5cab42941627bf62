#include "controller/condition.h"

#include "controller/cloner.h"
#include "controller/volume_record.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

constexpr uint64_t kOwnClient = 7;

Surroundings Around(PoolSpace space) { return {.own_client = kOwnClient, .space = space}; }

Sight Healthy() {
  Sight sight;
  sight.state = Sight::State::kPresent;
  sight.id = "1";
  VolumeRecord record;
  record.name = "a";
  sight.record = record.ToJson();
  class_calls::Locker holder;
  holder.cookie = "v1/n1/192.0.2.11";
  sight.guard.lockers = {holder};
  sight.watchers = {{"192.0.2.11:0/5", 9}, {"192.0.2.1:0/6", kOwnClient}};
  return sight;
}

Condition Of(const Sight& sight, PoolSpace space = PoolSpace::kEnough) {
  return ConditionOf(sight, Around(space));
}

bool Says(const Condition& condition, const std::string& text) {
  INFO(condition.message);
  return condition.message.find(text) != std::string::npos;
}

TEST_CASE("a volume without trouble says what was looked at, and what could not be") {
  CHECK_FALSE(Of(Healthy()).abnormal);
  CHECK(Says(Of(Healthy()), "watchers"));
  CHECK(Says(Of(Healthy()), "not near full"));
  const Condition unknown = Of(Healthy(), PoolSpace::kUnknown);
  CHECK_FALSE(unknown.abnormal);
  CHECK(Says(unknown, "could not be asked"));
}

TEST_CASE("a header that is gone or cannot be read is abnormal") {
  Sight sight = Healthy();
  sight.state = Sight::State::kHeaderless;
  CHECK(Of(sight).abnormal);
  CHECK(Says(Of(sight), "missing"));
  const Condition unreadable =
      ConditionOf(absl::UnavailableError("Input/output error"), Around(PoolSpace::kEnough));
  CHECK(unreadable.abnormal);
  CHECK(Says(unreadable, "Input/output error"));
  sight = Healthy();
  sight.record = "{";
  CHECK(Of(sight).abnormal);
}

TEST_CASE("a pool that is full or nearly full makes its volumes abnormal") {
  CHECK(Says(Of(Healthy(), PoolSpace::kFull), "full"));
  CHECK(Of(Healthy(), PoolSpace::kFull).abnormal);
  CHECK(Says(Of(Healthy(), PoolSpace::kNearFull), "nearly full"));
  CHECK(Of(Healthy(), PoolSpace::kNearFull).abnormal);
}

TEST_CASE("a client that is on no node of the guard is named") {
  Sight sight = Healthy();
  sight.watchers.push_back({"192.0.2.12:0/77", 12});
  CHECK(Of(sight).abnormal);
  CHECK(Says(Of(sight), "192.0.2.12:0/77"));
  CHECK_FALSE(Says(Of(sight), "192.0.2.11"));
  sight.guard.lockers.clear();
  CHECK(Says(Of(sight), "192.0.2.11"));
  CHECK_FALSE(Says(Of(sight), "192.0.2.1:"));
}

TEST_CASE("a volume that is being flattened says so and is not abnormal") {
  Sight sight = Healthy();
  VolumeRecord record;
  record.name = "a";
  record.depth = kFlattenDepth + 1;
  sight.record = record.ToJson();
  sight.parent = class_calls::Parent();
  sight.watchers.push_back({"192.0.2.2:0/1", 13});  // the controller that flattens
  CHECK_FALSE(Of(sight).abnormal);
  CHECK(Says(Of(sight), "being flattened"));
  sight.parent.reset();
  CHECK_FALSE(Says(Of(sight), "being flattened"));
}

TEST_CASE("an invalid object map is abnormal, because no node can map the image") {
  Sight sight = Healthy();
  sight.map_invalid = true;
  CHECK(Of(sight).abnormal);
  CHECK(Says(Of(sight), "object map"));
}

TEST_CASE("the fullness of a pool is its own flag or the cluster's, as whole words") {
  const auto spaces = SpacesIn(R"({"flags":"sortbitwise","pools":[
      {"pool_name":"a","flags_names":"hashpspool,selfmanaged_snaps"},
      {"pool_name":"b","flags_names":"hashpspool,nearfull"},
      {"pool_name":"c","flags_names":"hashpspool,full,full_quota"},
      {"pool_name":"d","flags_names":"backfillfull"}]})");
  CHECK(spaces.at("a") == PoolSpace::kEnough);
  CHECK(spaces.at("b") == PoolSpace::kNearFull);
  CHECK(spaces.at("c") == PoolSpace::kFull);
  CHECK(spaces.at("d") == PoolSpace::kNearFull);
  CHECK(SpacesIn(R"({"flags":"full","pools":[{"pool_name":"a","flags_names":""}]})").at("a") ==
        PoolSpace::kFull);
  CHECK(SpacesIn("").empty());
}

}  // namespace
}  // namespace rbdcsi
