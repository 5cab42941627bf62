// Ceph users and keys as they come in requests: no answer repeats a key, and what is accepted can
// stand in the option lists of librados and of the kernel.
#include "absl/strings/match.h"
#include "csi/credentials.h"
#include "csi/status.h"
#include "node/keyring.h"
#include "tests/fuzz/canary.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {

void Fuzz(std::string_view input) {
  if (Contains(input, kCanary)) {
    return;  // libFuzzer has seen it in a comparison
  }
  const Fields fields = ParseFields(input);
  google::protobuf::Map<std::string, std::string> secrets(fields.begin(), fields.end());
  if (const auto key = secrets.find("userKey"); key != secrets.end()) {
    key->second += kCanary;
  }
  const auto found = FindCredentials(secrets, "/nonexistent", Get(fields, "cluster"));
  if (!found.ok()) {
    HOLDS(absl::IsInvalidArgument(found.status()) || absl::IsUnauthenticated(found.status()));
    HOLDS(!absl::StrContains(found.status().message(), Sv(kCanary)));
    return;
  }
  HOLDS(!found->user.empty() && !HasAnyOf(found->user, ",= ") && !HasControls(found->user));
  HOLDS(Contains(found->key, kCanary) && !HasSpaces(found->key) && !HasControls(found->key));
  const auto payload = DecodeCephKey(found->key);
  HOLDS(payload.ok() ? payload->size() > 12 : absl::IsInvalidArgument(payload.status()));
  HOLDS(!absl::StrContains(payload.status().message(), Sv(kCanary)));
}

}  // namespace rbdcsi::fuzz
