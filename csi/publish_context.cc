#include "csi/publish_context.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr char kSizeBytes[] = "sizeBytes";
constexpr char kReadOnly[] = "readOnly";

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
  if (read_only) {
    map[kReadOnly] = "true";
  }
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
  if (const auto found = map.find(kReadOnly);
      found != map.end() && !absl::SimpleAtob(found->second, &context.read_only)) {
    return Malformed(kReadOnly, "neither true nor false");
  }
  return context;
}

}  // namespace rbdcsi
