// Sizes: what is made holds what was asked for and keeps to the limit, up to the largest numbers.
#include <fuzzer/FuzzedDataProvider.h>

#include <limits>

#include "csi/capability.h"
#include "tests/fuzz/fuzz.h"

namespace rbdcsi::fuzz {
namespace {

void CheckSize(const SizeRange& range, uint64_t size) {
  HOLDS(size > 0 && size % kMiB == 0 && size >= range.required_bytes);
  HOLDS(range.limit_bytes == 0 || size <= range.limit_bytes);
  HOLDS(size <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
  // Not more than the next MiB, or than the default.
  HOLDS(size - range.required_bytes < kMiB ||
        (range.required_bytes == 0 && size <= kDefaultSizeBytes));
}

}  // namespace

void Fuzz(std::string_view input) {
  FuzzedDataProvider numbers(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  csi::v1::CapacityRange message;
  message.set_required_bytes(numbers.ConsumeIntegral<int64_t>());
  message.set_limit_bytes(numbers.ConsumeIntegral<int64_t>());
  const auto range = ParseCapacityRange(message);
  if (!range.ok()) {
    HOLDS(absl::IsInvalidArgument(range.status()));
    return;
  }
  const auto size = ChooseSize(*range);
  if (size.ok()) {
    CheckSize(*range, *size);
  } else {
    HOLDS(absl::IsOutOfRange(size.status()));
  }
}

}  // namespace rbdcsi::fuzz
