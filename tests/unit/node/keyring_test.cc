#include "node/keyring.h"

#include "absl/strings/match.h"
#include "tests/catch.h"

namespace rbdcsi {

TEST_CASE("a Ceph key is decoded to what the kernel takes") {
  const absl::StatusOr<std::string> payload =
      DecodeCephKey("AQAACgFrH4CoBRAAFTKjUquZgi0kUzbWwuhMMA==");
  REQUIRE(payload.ok());
  CHECK(payload->size() == 28);
  CHECK((*payload)[0] == 1);  // type AES
}

TEST_CASE("what is no key is refused without being repeated") {
  for (const char* text : {"", "AQAA", "not base64 at all, hush"}) {
    const absl::Status status = DecodeCephKey(text).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK_FALSE(absl::StrContains(status.message(), "hush"));
  }
}

TEST_CASE("a wiped payload is empty") {
  std::string payload = "secret";
  Wipe(payload);
  CHECK(payload.empty());
}

}  // namespace rbdcsi
