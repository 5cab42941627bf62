#include "controller/volume_record.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace rbdcsi {
namespace {

constexpr int kVersion = 1;

// Each field with its JSON key, for writing, reading and comparing alike.
template <class Record, class Visitor>
void VisitFingerprint(Record& record, Visitor&& visit) {
  visit("name", record.name);
  visit("imageFeatures", record.features);
  visit("objectOrder", record.order);
  visit("stripeUnit", record.stripe_unit);
  visit("stripeCount", record.stripe_count);
  visit("dataPool", record.data_pool);
  visit("mapOptions", record.map_options);
  visit("unmapOptions", record.unmap_options);
  visit("mkfsOptions", record.mkfs_options);
}

template <class Record, class Visitor>
void VisitAll(Record& record, Visitor&& visit) {
  VisitFingerprint(record, visit);
  visit("pvc", record.pvc);
  visit("pv", record.pv);
}

std::string AsText(const std::string& value) { return absl::StrCat("\"", value, "\""); }
std::string AsText(uint64_t value) { return absl::StrCat(value); }

}  // namespace

std::string VolumeRecord::ToJson() const {
  nlohmann::json json = {{"v", kVersion}};
  VisitAll(*this, [&json](const char* key, const auto& value) {
    if (value != std::decay_t<decltype(value)>{}) {
      json[key] = value;
    }
  });
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<VolumeRecord> VolumeRecord::FromJson(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return std::nullopt;
  }
  VolumeRecord record;
  try {
    if (json.value("v", 0) != kVersion) {
      return std::nullopt;
    }
    VisitAll(record, [&json](const char* key, auto& value) { value = json.value(key, value); });
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;  // a key of another type than ours
  }
  return record;
}

std::string Difference(const VolumeRecord& existing, const VolumeRecord& wanted) {
  std::vector<std::string> asked;
  VisitFingerprint(wanted,
                   [&asked](const char*, const auto& value) { asked.push_back(AsText(value)); });
  std::vector<std::string> differences;
  size_t field = 0;
  VisitFingerprint(existing, [&](const char* key, const auto& value) {
    const std::string text = AsText(value);
    if (text != asked[field]) {
      differences.push_back(absl::StrCat(key, " is ", text, ", asked for ", asked[field]));
    }
    ++field;
  });
  return absl::StrJoin(differences, "; ");
}

}  // namespace rbdcsi
