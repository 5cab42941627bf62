// The sentence made of the facts; where the facts come from is tested in a node.
#include "node/condition.h"

#include <cerrno>

#include "tests/catch.h"

namespace rbdcsi {
namespace {

VolumeFacts Healthy() {
  VolumeFacts facts;
  facts.device = {.id = "0", .name = "rbd0", .path = "/dev/rbd0"};
  facts.read = {.result = ReadResult::kRead, .time = absl::Milliseconds(4)};
  facts.filesystem = FilesystemFacts{.type = "ext4", .errors = 0};
  return facts;
}

void CheckAbnormal(const VolumeFacts& facts, const std::string& reason) {
  const Condition condition = Judge(facts);
  CHECK(condition.abnormal);
  CHECK_THAT(condition.message, Catch::Matchers::Contains(reason));
}

}  // namespace

TEST_CASE("without a sign of trouble the message lists what was looked at") {
  const Condition condition = Judge(Healthy());
  CHECK_FALSE(condition.abnormal);
  CHECK(condition.message ==
        "checked on this node: /dev/rbd0 answered a read in 4 ms; writable; ext4 is not shut "
        "down, no errors counted");
}

TEST_CASE("what could not be asked is said and not called an answer") {
  VolumeFacts facts = Healthy();
  facts.read = {.result = ReadResult::kNotTried, .error = ENOMEM};
  const Condition condition = Judge(facts);
  CHECK_FALSE(condition.abnormal);
  CHECK_THAT(condition.message, Catch::Matchers::Contains("not whether /dev/rbd0 answers"));
}

TEST_CASE("each sign of trouble is named") {
  VolumeFacts facts = Healthy();
  facts.read = {.result = ReadResult::kFailed, .error = ESHUTDOWN};
  CheckAbnormal(facts, "fenced");
  facts.read.error = ENOENT;
  CheckAbnormal(facts, "the image is gone");
  facts.read.error = EIO;
  CheckAbnormal(facts, "Input/output error");
  facts.read = {.result = ReadResult::kSilent, .time = absl::Seconds(75)};
  CheckAbnormal(facts, "has not answered a read for 75 s");
  facts = Healthy();
  facts.device.read_only = true;
  CheckAbnormal(facts, "mapped for writing and is read-only now");
  facts = Healthy();
  facts.filesystem->shut_down = true;
  CheckAbnormal(facts, "was shut down");
  facts = Healthy();
  facts.filesystem->turned_read_only = true;
  CheckAbnormal(facts, "turned read-only");
  facts = Healthy();
  facts.filesystem->errors = 3;
  CheckAbnormal(facts, "has counted 3 errors");
}

TEST_CASE("a volume attached for reading is not abnormal for being read-only") {
  VolumeFacts facts = Healthy();
  facts.device.read_only = true;
  facts.device.mapped_read_only = true;
  CHECK_FALSE(Judge(facts).abnormal);
}

}  // namespace rbdcsi
