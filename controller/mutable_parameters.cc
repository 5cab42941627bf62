#include "controller/mutable_parameters.h"

#include <algorithm>
#include <array>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "controller/image_features.h"
#include "controller/nearest.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr std::string_view kFeatures = "imageFeatures";

struct Unit {
  std::string_view suffix;
  uint64_t factor;
};

constexpr std::array kTimes = {Unit{"s", 1}, Unit{"m", 60}, Unit{"h", 3600}, Unit{"d", 86400}};
constexpr std::array kSizes = {Unit{"Ki", uint64_t{1} << 10}, Unit{"Mi", uint64_t{1} << 20},
                               Unit{"Gi", uint64_t{1} << 30}};
// The end of the delay is kept in 32 bits of seconds.
constexpr uint64_t kLongestDelay = 3650 * uint64_t{86400};

std::optional<uint64_t> Times(std::string_view digits, uint64_t factor) {
  uint64_t number = 0;
  const bool plain = !digits.empty() && std::all_of(digits.begin(), digits.end(),
                                                    [](char c) { return c >= '0' && c <= '9'; });
  if (!plain || !absl::SimpleAtoi(Sv(digits), &number) ||
      number > std::numeric_limits<uint64_t>::max() / factor) {
    return std::nullopt;
  }
  return number * factor;
}

template <size_t N>
std::optional<uint64_t> WithUnit(std::string_view text, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (absl::EndsWith(Sv(text), Sv(unit.suffix))) {
      return Times(text.substr(0, text.size() - unit.suffix.size()), unit.factor);
    }
  }
  return std::nullopt;
}

std::optional<uint64_t> Delay(std::string_view text) {
  const std::optional<uint64_t> seconds = text == "0" ? 0 : WithUnit(text, kTimes);
  return seconds.value_or(0) > kLongestDelay ? std::nullopt : seconds;
}

std::optional<uint64_t> Count(std::string_view text) { return Times(text, 1); }

std::optional<uint64_t> Bytes(std::string_view text) {
  const std::optional<uint64_t> plain = Times(text, 1);
  return plain.has_value() ? plain : WithUnit(text, kSizes);
}

using Reader = std::optional<uint64_t> (*)(std::string_view);

struct Key {
  std::string_view name;
  uint64_t Tunables::*tunable;
  Reader read;
  std::string_view form;
};

constexpr std::string_view kDelayForm =
    "a time up to 3650d like 90s, 15m, 24h or 7d, or 0 for none";
constexpr std::string_view kCountForm = "a number of operations a second, or 0 for no limit";
constexpr std::string_view kBytesForm =
    "a number of bytes a second like 1048576, 512Ki, 20Mi or 1Gi, or 0 for no limit";

constexpr std::array kKeys = {
    Key{"deletionDelay", &Tunables::deletion_delay, Delay, kDelayForm},
    Key{"maxIOPS", &Tunables::max_iops, Count, kCountForm},
    Key{"maxReadIOPS", &Tunables::max_read_iops, Count, kCountForm},
    Key{"maxWriteIOPS", &Tunables::max_write_iops, Count, kCountForm},
    Key{"maxBandwidth", &Tunables::max_bandwidth, Bytes, kBytesForm},
    Key{"maxReadBandwidth", &Tunables::max_read_bandwidth, Bytes, kBytesForm},
    Key{"maxWriteBandwidth", &Tunables::max_write_bandwidth, Bytes, kBytesForm},
};

const Key* Find(std::string_view name) {
  const auto* key =
      std::find_if(kKeys.begin(), kKeys.end(), [name](const Key& k) { return k.name == name; });
  return key == kKeys.end() ? nullptr : key;
}

absl::Status UnknownKey(const std::string& name) {
  std::array<std::string_view, kKeys.size() + 1> names;
  std::transform(kKeys.begin(), kKeys.end(), names.begin(),
                 [](const Key& key) { return key.name; });
  names.back() = kFeatures;
  return absl::InvalidArgumentError(absl::StrCat(
      "mutable parameter ", name, " is not known (did you mean ", Nearest(name, names), "?)"));
}

}  // namespace

bool IsTunable(std::string_view key) { return Find(key) != nullptr; }

void MutableParameters::ApplyTo(Tunables& tunables) const {
  for (const Value& value : values) {
    tunables.*value.tunable = value.value;
  }
}

absl::StatusOr<MutableParameters> ParseMutableParameters(
    const std::map<std::string, std::string>& parameters) {
  MutableParameters out;
  for (const auto& [name, text] : parameters) {
    if (name == kFeatures) {
      ASSIGN_OR_RETURN(out.features, ParseImageFeatures(text));
      continue;
    }
    const Key* key = Find(name);
    if (key == nullptr) {
      return UnknownKey(name);
    }
    const std::optional<uint64_t> value = key->read(text);
    if (!value.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("mutable parameter ", name, ": \"", text, "\" is not ", Sv(key->form)));
    }
    out.values.push_back({.tunable = key->tunable, .value = *value});
  }
  return out;
}

}  // namespace rbdcsi
