#include "csi/publish_context.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr char kSizeBytes[] = "sizeBytes";

// The keys that are either "true" or left out.
struct FlagKey {
  const char* key;
  bool PublishContext::*member;
};

constexpr FlagKey kFlagKeys[] = {
    {.key = "readOnly", .member = &PublishContext::read_only},
    {.key = "replayJournal", .member = &PublishContext::replay_journal},
};

// The keys that are text on both sides, so that writing and reading cannot disagree.
struct TextKey {
  const char* key;
  std::string PublishContext::*member;
  bool needed = false;
};

constexpr TextKey kTextKeys[] = {
    {.key = "monitors", .member = &PublishContext::monitors, .needed = true},
    {.key = "pool", .member = &PublishContext::pool, .needed = true},
    {.key = "radosNamespace", .member = &PublishContext::rados_namespace},
    {.key = "image", .member = &PublishContext::image, .needed = true},
    {.key = "user", .member = &PublishContext::user},
    {.key = "mapOptions", .member = &PublishContext::map_options},
    {.key = "unmapOptions", .member = &PublishContext::unmap_options},
    {.key = "mkfsOptions", .member = &PublishContext::mkfs_options},
};

absl::Status Malformed(absl::string_view key, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("publish_context ", key, ": ", why,
                   " (detach the volume and attach it again, so that the controller writes it)"));
}

}  // namespace

PublishContext::Map PublishContext::ToMap() const {
  Map map;
  for (const TextKey& text : kTextKeys) {
    if (!(this->*text.member).empty()) {
      map[text.key] = this->*text.member;
    }
  }
  map[kSizeBytes] = absl::StrCat(size_bytes);
  for (const FlagKey& flag : kFlagKeys) {
    if (this->*flag.member) {
      map[flag.key] = "true";
    }
  }
  limits.AddTo(map);
  return map;
}

absl::StatusOr<PublishContext> PublishContext::FromMap(const Map& map) {
  PublishContext context;
  for (const TextKey& text : kTextKeys) {
    if (const auto found = map.find(text.key); found != map.end()) {
      context.*text.member = found->second;
    }
    if (text.needed && (context.*text.member).empty()) {
      return Malformed(text.key, "missing");
    }
  }
  if (const auto found = map.find(kSizeBytes);
      found != map.end() && !absl::SimpleAtoi(found->second, &context.size_bytes)) {
    return Malformed(kSizeBytes, "not a number of bytes");
  }
  for (const FlagKey& flag : kFlagKeys) {
    if (const auto found = map.find(flag.key);
        found != map.end() && !absl::SimpleAtob(found->second, &(context.*flag.member))) {
      return Malformed(flag.key, "neither true nor false");
    }
  }
  ASSIGN_OR_RETURN(context.limits, IoLimits::FromMap(map));
  return context;
}

}  // namespace rbdcsi
