// The exact bytes of the object-class calls, and decoding of what is cut off or wrong.
#include <string>

#include "absl/strings/escaping.h"
#include "controller/class_calls.h"
#include "controller/wire.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

using class_calls::LockType;

std::string Hex(const std::string& bytes) { return absl::BytesToHexString(bytes); }

// A lock.get_info reply with one locker, as an OSD of Ceph 16 gave it.
std::string LockReply() {
  const std::string socket = Encoder()
                                 .U16(2)  // AF_INET
                                 .U16(0)  // port
                                 .U32(0x0b0200c0)
                                 .U64(0)
                                 .bytes();
  const std::string body = Encoder().U32(2).U32(4711).Text(socket).bytes();
  const std::string address = Encoder().U8(1).bytes() + Encoder().U8(1).U8(1).Text(body).bytes();
  const std::string who = Encoder().U8(8).U64(4123).Text("v1/n1/192.0.2.11").Struct(1);
  const std::string detail_body =
      Encoder().Time(absl::UnixEpoch()).bytes() + address + Encoder().Text("how").bytes();
  const std::string detail = Encoder().U8(1).U8(1).Text(detail_body).bytes();
  const std::string reply =
      Encoder().U32(1).bytes() + who + detail + Encoder().U8(1).Text("").bytes();
  return Encoder().U8(1).U8(1).Text(reply).bytes();
}

TEST_CASE("the inputs of the class calls are the bytes that Ceph's own clients send") {
  CHECK(Hex(class_calls::SizeInput()) == "feffffffffffffff");
  CHECK(Hex(class_calls::FeaturesInput()) == "feffffffffffffff01");
  CHECK(Hex(class_calls::TextInput("ab")) == "020000006162");
  CHECK(Hex(class_calls::MetadataSetInput("k", "v")) == "01000000010000006b0100000076");
  CHECK(Hex(class_calls::DirectoryEntryInput({.name = "n", .id = "i"})) == "010000006e0100000069");
  CHECK(Hex(class_calls::LockInfoInput("L")) == "010105000000010000004c");
  CHECK(Hex(class_calls::LockInput(
            {.name = "L", .type = LockType::kExclusive, .cookie = "c", .description = "d"})) ==
        "01011d000000010000004c010100000063000000000100000064000000000000000000");
  class_calls::Locker locker;
  locker.client = 5;
  locker.cookie = "c";
  CHECK(Hex(class_calls::BreakLockInput("L", locker)) ==
        "010113000000010000004c0805000000000000000100000063");
  CHECK(Hex(class_calls::TrashAddInput({.id = "i",
                                        .name = "n",
                                        .deleted = absl::FromUnixSeconds(1),
                                        .deferred_until = absl::FromUnixSeconds(2)})) ==
        "0100000069020117000000000100000"
        "06e0100000000000000020000000000000000");
}

TEST_CASE("a lock's holder is read with its address as the blocklist takes it") {
  const auto lock = class_calls::DecodeLockInfo(LockReply());
  REQUIRE(lock.has_value());
  CHECK(lock->type == LockType::kExclusive);
  REQUIRE(lock->lockers.size() == 1);
  CHECK(lock->lockers[0].client == 4123);
  CHECK(lock->lockers[0].cookie == "v1/n1/192.0.2.11");
  CHECK(lock->lockers[0].address == "192.0.2.11:0/4711");
  CHECK(lock->lockers[0].description == "how");
}

TEST_CASE("a reply that is cut off anywhere is refused and never read past its end") {
  const std::string whole = LockReply();
  for (size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(class_calls::DecodeLockInfo(whole.substr(0, size)).has_value());
  }
  CHECK_FALSE(class_calls::DecodeSize("12345678").has_value());
  CHECK_FALSE(class_calls::DecodeFeatures("1234567").has_value());
  CHECK_FALSE(class_calls::DecodeText(std::string("\xff\xff\xff\xff"
                                                  "a"))
                  .has_value());
}

TEST_CASE("a count of lockers that the reply cannot hold ends the decoding") {
  const std::string reply = Encoder().U8(1).U8(1).Text(Encoder().U32(0xffffffff).bytes()).bytes();
  CHECK_FALSE(class_calls::DecodeLockInfo(reply).has_value());
}

TEST_CASE("what a newer version appends to a struct is skipped") {
  Encoder newer;
  newer.U32(0).U8(0).Text("").Text("something new");
  const auto lock = class_calls::DecodeLockInfo(newer.Struct(2));
  REQUIRE(lock.has_value());
  CHECK(lock->lockers.empty());
}

}  // namespace
}  // namespace rbdcsi
