// Text that goes out: gRPC drops a message that is not UTF-8, and a reader of logs stops at it.
#include <google/protobuf/struct.pb.h>

#include "absl/strings/match.h"
#include "csi/status.h"
#include "csi/utf8.h"
#include "tests/fuzz/fuzz.h"

namespace rbdcsi::fuzz {
namespace {

// Protobuf's own opinion of a text.
bool IsUtf8(const std::string& text) {
  google::protobuf::Value value;
  value.set_string_value(text);
  google::protobuf::Value copy;
  return copy.ParseFromString(value.SerializePartialAsString());
}

}  // namespace

void Fuzz(std::string_view input) {
  const std::string valid = ValidUtf8(input);
  HOLDS(IsUtf8(valid));
  HOLDS(ValidUtf8(valid) == valid);
  HOLDS((valid == input) == IsUtf8(std::string(input)));
  for (size_t most = 0; most <= valid.size() && most <= 64; ++most) {
    const std::string_view prefix = Utf8Prefix(valid, most);
    HOLDS(prefix.size() <= most && most - prefix.size() < 4);
    HOLDS(absl::StartsWith(valid, Sv(prefix)) && IsUtf8(std::string(prefix)));
  }
}

}  // namespace rbdcsi::fuzz
