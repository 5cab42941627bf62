// What create and publish decide about what they see: pure, so every case is cheap to show.
#include "controller/attacher.h"
#include "controller/client_address.h"
#include "controller/provisioner.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

absl::Time Now() { return absl::FromUnixSeconds(1000000); }
Clock TheClock() { return {.now = Now(), .grace = absl::Seconds(20)}; }

VolumeSpec Wanted() {
  VolumeSpec wanted;
  wanted.image = "csi.a";
  wanted.range.required_bytes = 10 * kMiB;
  wanted.record.name = "a";
  return wanted;
}

Sight Present(const std::string& record) {
  Sight sight;
  sight.state = Sight::State::kPresent;
  sight.id = "1";
  sight.size_bytes = 10 * kMiB;
  sight.record = record;
  return sight;
}

Sight HeldBy(const std::string& cookie, const std::string& description,
             class_calls::LockType type = class_calls::LockType::kExclusive) {
  Sight sight = Present(Wanted().record.ToJson());
  class_calls::Locker locker;
  locker.client = 1;
  locker.cookie = cookie;
  locker.description = description;
  sight.guard.type = type;
  sight.guard.lockers = {locker};
  return sight;
}

Attachment Of(const std::string& node, AccessMode mode, bool read_only = false) {
  Attachment attachment;
  attachment.image = "csi.a";
  attachment.node = {.name = node, .address = "192.0.2.11"};
  attachment.capability.mode = mode;
  attachment.read_only = read_only;
  return attachment;
}

TEST_CASE("a free name is made, and an equal volume is the answer") {
  CHECK(*DecideCreate(Sight(), Wanted(), TheClock()) == CreateStep::kMake);
  CHECK(*DecideCreate(Present(Wanted().record.ToJson()), Wanted(), TheClock()) ==
        CreateStep::kAnswer);
}

TEST_CASE("a volume of this name with another size, parameter or record is another volume") {
  Sight small = Present(Wanted().record.ToJson());
  small.size_bytes = kMiB;
  CHECK(absl::IsAlreadyExists(DecideCreate(small, Wanted(), TheClock()).status()));
  VolumeSpec limited = Wanted();
  limited.range = {.required_bytes = 0, .limit_bytes = 5 * kMiB};
  CHECK(absl::IsAlreadyExists(
      DecideCreate(Present(Wanted().record.ToJson()), limited, TheClock()).status()));
  VolumeSpec other = Wanted();
  other.record.data_pool = "ec";
  CHECK(absl::IsAlreadyExists(
      DecideCreate(Present(Wanted().record.ToJson()), other, TheClock()).status()));
  CHECK(absl::IsAlreadyExists(DecideCreate(Present("{\"v\":9}"), Wanted(), TheClock()).status()));
}

TEST_CASE("an id without a header waits for its creator, then is cleared away") {
  Sight sight;
  sight.state = Sight::State::kHeaderless;
  sight.name_changed = Now() - absl::Seconds(19);
  CHECK(absl::IsAborted(DecideCreate(sight, Wanted(), TheClock()).status()));
  sight.name_changed = Now() - absl::Seconds(21);
  CHECK(*DecideCreate(sight, Wanted(), TheClock()) == CreateStep::kClearName);
  sight.name_changed = Now() + absl::Hours(1);  // a creator whose clock is ahead
  CHECK(absl::IsAborted(DecideCreate(sight, Wanted(), TheClock()).status()));
}

TEST_CASE("an image without a record is inspected unless a node holds it as a static volume") {
  CHECK(*DecideCreate(Present(""), Wanted(), TheClock()) == CreateStep::kInspect);
  Sight held = HeldBy("v1/n1/192.0.2.11", "x");
  held.record = "";
  CHECK(absl::IsAlreadyExists(DecideCreate(held, Wanted(), TheClock()).status()));
}

TEST_CASE("a volume on its way out is helped out, equal or not") {
  CHECK(*DecideCreate(HeldBy(kDeleting, "x"), Wanted(), TheClock()) == CreateStep::kFinishDelete);
}

TEST_CASE("a volume is attached once, and a repeat is the same attachment") {
  const Attachment one = Of("n1", AccessMode::kSingleNodeWriter);
  CHECK(*DecidePublish(Present("{}"), one) == PublishStep::kTake);
  const Sight held = HeldBy(one.node.ToString(), Describe(one));
  CHECK(*DecidePublish(held, one) == PublishStep::kAttached);
  CHECK(absl::IsAlreadyExists(
      DecidePublish(held, Of("n1", AccessMode::kSingleNodeWriter, true)).status()));
  const absl::Status other = DecidePublish(held, Of("n2", AccessMode::kSingleNodeWriter)).status();
  CHECK(absl::IsFailedPrecondition(other));
  CHECK(std::string(other.message()).find(one.node.ToString()) != std::string::npos);
}

TEST_CASE("several nodes share a multi-node volume, of which a single-writer one has one writer") {
  const Attachment writer = Of("n1", AccessMode::kMultiNodeSingleWriter);
  const Sight held =
      HeldBy(writer.node.ToString(), Describe(writer), class_calls::LockType::kShared);
  CHECK(absl::IsFailedPrecondition(
      DecidePublish(held, Of("n2", AccessMode::kMultiNodeSingleWriter)).status()));
  CHECK(*DecidePublish(held, Of("n2", AccessMode::kMultiNodeSingleWriter, true)) ==
        PublishStep::kTake);
  const Attachment reader = Of("n1", AccessMode::kMultiNodeReaderOnly);
  const Sight read =
      HeldBy(reader.node.ToString(), Describe(reader), class_calls::LockType::kShared);
  CHECK(*DecidePublish(read, Of("n2", AccessMode::kMultiNodeReaderOnly)) == PublishStep::kTake);
  CHECK(absl::IsFailedPrecondition(
      DecidePublish(read, Of("n2", AccessMode::kSingleNodeWriter)).status()));
}

TEST_CASE(
    "neither a half-made image of ours nor a dying volume can be attached, a static one can") {
  Attachment wanted = Of("n1", AccessMode::kSingleNodeWriter);
  CHECK(absl::IsNotFound(DecidePublish(Present(""), wanted).status()));
  CHECK(absl::IsNotFound(DecidePublish(Sight(), wanted).status()));
  CHECK(absl::IsNotFound(DecidePublish(HeldBy(kDeleting, "x"), wanted).status()));
  wanted.image = "legacy-data";
  CHECK(*DecidePublish(Present(""), wanted) == PublishStep::kTake);
}

TEST_CASE("a client is at an address only when the whole address is equal") {
  CHECK(IsAtAddress("192.0.2.1:0/123", "192.0.2.1"));
  CHECK(IsAtAddress("v1:192.0.2.1:0/123", "192.0.2.1"));
  CHECK(IsAtAddress("[2001:db8::1]:0/123", "2001:db8::1"));
  CHECK_FALSE(IsAtAddress("192.0.2.11:0/123", "192.0.2.1"));
  CHECK_FALSE(IsAtAddress("192.0.2.1:0/123", "192.0.2.11"));
  CHECK_FALSE(IsAtAddress("[2001:db8::11]:0/123", "2001:db8::1"));
  CHECK_FALSE(IsAtAddress("", "192.0.2.1"));
}

TEST_CASE("a node whose limit has changed is the same node") {
  const Sight held = HeldBy("v1/one/192.0.2.11/8", "SINGLE_NODE_WRITER mount rw");
  CHECK(*DecidePublish(held, Of("one", AccessMode::kSingleNodeWriter)) == PublishStep::kAttached);
}

}  // namespace
}  // namespace rbdcsi
