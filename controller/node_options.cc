#include "controller/node_options.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "controller/nearest.h"
#include "csi/map_options.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr size_t kMaxOptionsBytes = 1024;  // the spec allows 4 KiB for a whole context

constexpr std::array<std::string_view, 2> kUnmapOptions = {"force", "noudev"};

struct Refusal {
  std::string_view option;
  const char* reason;
};
constexpr Refusal kRefusals[] = {
    {"secret", "a key belongs into the node's Secret, never into options that people can read"},
    {"key", "a key belongs into the node's Secret, never into options that people can read"},
    {"name", "the Ceph user belongs into the node's Secret"},
    {"exclusive", "it makes online expansion and snapshots fail; volumes are guarded without it"},
    {"share", "each volume has a kernel client of its own, so that a fence hits it alone"},
    {"ro", "the access mode and `readOnly` decide that"},
    {"rw", "the access mode and `readOnly` decide that"},
    {"fsid", "the clusters file decides where a volume lives"},
    {"ip", "the node's address identifies it to the fence"},
};

absl::Status CheckOption(std::string_view kind, std::string_view option,
                         absl::Span<const std::string_view> known) {
  const std::string name(option.substr(0, option.find('=')));
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    const auto* refusal = std::find_if(std::begin(kRefusals), std::end(kRefusals),
                                       [&](const Refusal& r) { return r.option == name; });
    if (refusal != std::end(kRefusals)) {
      return absl::InvalidArgumentError(
          absl::StrCat(Sv(kind), ": option ", name, " is not allowed: ", refusal->reason));
    }
    return absl::InvalidArgumentError(absl::StrCat(Sv(kind), ": unknown option ", name,
                                                   " (did you mean ", Nearest(name, known), "?)"));
  }
  if (option != name && std::find(kImpliedMapOptions.begin(), kImpliedMapOptions.end(), name) !=
                            kImpliedMapOptions.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat(Sv(kind), ": option ", name, " takes no value (leave it away)"));
  }
  const bool clean = std::all_of(option.begin(), option.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("_-=.:|/", c);
  });
  if (!clean) {
    return absl::InvalidArgumentError(absl::StrCat(Sv(kind), ": the value of option ", name,
                                                   " has a character that is not "
                                                   "allowed (letters, digits and _-=.:|/ are)"));
  }
  return absl::OkStatus();
}

// "krbd:a,b;nbd:c" -> "a,b"; no label means krbd.
std::string KrbdPart(std::string_view text) {
  std::vector<std::string> parts;
  for (const auto part : absl::StrSplit(Sv(text), ';', absl::SkipWhitespace())) {
    absl::string_view options = absl::StripAsciiWhitespace(part);
    if (absl::StartsWith(options, "nbd:")) {
      continue;
    }
    absl::ConsumePrefix(&options, "krbd:");
    parts.emplace_back(options);
  }
  return absl::StrJoin(parts, ",");
}

absl::StatusOr<std::string> ParseList(std::string_view kind, std::string_view text,
                                      absl::Span<const std::string_view> known) {
  if (text.size() > kMaxOptionsBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(Sv(kind), ": longer than ", kMaxOptionsBytes, " bytes"));
  }
  std::vector<std::string> options = absl::StrSplit(KrbdPart(text), ',', absl::SkipWhitespace());
  for (std::string& option : options) {
    absl::StripAsciiWhitespace(&option);
    RETURN_IF_ERROR(CheckOption(kind, option, known));
  }
  return absl::StrJoin(options, ",");
}

}  // namespace

absl::StatusOr<std::string> ParseMapOptions(std::string_view text) {
  std::vector<std::string_view> known(kKernelMapOptions.begin(), kKernelMapOptions.end());
  known.insert(known.end(), kImpliedMapOptions.begin(), kImpliedMapOptions.end());
  return ParseList("mapOptions", text, known);
}

absl::StatusOr<std::string> ParseUnmapOptions(std::string_view text) {
  return ParseList("unmapOptions", text, kUnmapOptions);
}

absl::StatusOr<std::string> ParseMkfsOptions(std::string_view text) {
  const bool clean =
      text.size() <= kMaxOptionsBytes && std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
               absl::StrContains(" _-=.,:^/+", c);
      });
  if (!clean) {
    return absl::InvalidArgumentError(
        "mkfsOptions: only letters, digits, spaces and _-=.,:^/+ are allowed; there is no shell, "
        "so nothing needs quotes");
  }
  const std::vector<std::string> words = absl::StrSplit(Sv(text), ' ', absl::SkipWhitespace());
  return absl::StrJoin(words, " ");
}

}  // namespace rbdcsi
