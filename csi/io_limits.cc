#include "csi/io_limits.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

struct Key {
  const char* name;
  uint64_t IoLimits::*member;
};

constexpr Key kKeys[] = {
    {.name = "readIops", .member = &IoLimits::read_iops},
    {.name = "writeIops", .member = &IoLimits::write_iops},
    {.name = "readBps", .member = &IoLimits::read_bps},
    {.name = "writeBps", .member = &IoLimits::write_bps},
};

}  // namespace

void IoLimits::AddTo(Map& map) const {
  for (const Key& key : kKeys) {
    if (this->*key.member != 0) {
      map[key.name] = absl::StrCat(this->*key.member);
    }
  }
}

absl::StatusOr<IoLimits> IoLimits::FromMap(const Map& map) {
  IoLimits limits;
  for (const Key& key : kKeys) {
    const auto found = map.find(key.name);
    if (found != map.end() && !absl::SimpleAtoi(found->second, &(limits.*key.member))) {
      return absl::InvalidArgumentError(
          absl::StrCat("publish_context ", key.name,
                       ": not a number (detach the volume and attach it again, so that the "
                       "controller writes it)"));
    }
  }
  return limits;
}

}  // namespace rbdcsi
