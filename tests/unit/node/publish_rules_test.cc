#include "node/publish_rules.h"

#include "tests/catch.h"

namespace rbdcsi {
namespace {

constexpr AccessMode kMany[] = {
    AccessMode::kMultiNodeReaderOnly, AccessMode::kMultiNodeSingleWriter,
    AccessMode::kMultiNodeMultiWriter, AccessMode::kSingleNodeMultiWriter};
constexpr AccessMode kOne[] = {AccessMode::kSingleNodeWriter, AccessMode::kSingleNodeReaderOnly,
                               AccessMode::kSingleNodeSingleWriter};

PublishDecision Decide(AccessMode mode, AtTarget at_target, bool elsewhere) {
  return DecidePublish({.mode = mode, .at_target = at_target, .elsewhere = elsewhere});
}

}  // namespace

TEST_CASE("modes for many workloads publish at any number of targets") {
  for (const AccessMode mode : kMany) {
    INFO(ToString(mode));
    CHECK(Decide(mode, AtTarget::kNothing, false) == PublishDecision::kPublish);
    CHECK(Decide(mode, AtTarget::kNothing, true) == PublishDecision::kPublish);
  }
}

TEST_CASE("modes for one workload publish at one target") {
  for (const AccessMode mode : kOne) {
    INFO(ToString(mode));
    CHECK(Decide(mode, AtTarget::kNothing, false) == PublishDecision::kPublish);
    CHECK(Decide(mode, AtTarget::kNothing, true) == PublishDecision::kOneTargetOnly);
  }
}

TEST_CASE("the same target is done, or another publish, or occupied, in every mode") {
  for (const auto* modes : {&kMany[0], &kOne[0]}) {
    for (const bool elsewhere : {false, true}) {
      CHECK(Decide(*modes, AtTarget::kSame, elsewhere) == PublishDecision::kDone);
      CHECK(Decide(*modes, AtTarget::kDifferent, elsewhere) == PublishDecision::kAlreadyExists);
      CHECK(Decide(*modes, AtTarget::kForeign, elsewhere) == PublishDecision::kTargetOccupied);
    }
  }
}

}  // namespace rbdcsi
