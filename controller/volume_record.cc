#include "controller/volume_record.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "controller/json_number.h"

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
  visit("source", record.source);
  visit("mapOptions", record.map_options);
  visit("unmapOptions", record.unmap_options);
  visit("mkfsOptions", record.mkfs_options);
}

template <class Tunables, class Visitor>
void VisitTunables(Tunables& tunables, Visitor&& visit) {
  visit("deletionDelay", tunables.deletion_delay);
  visit("maxIOPS", tunables.max_iops);
  visit("maxReadIOPS", tunables.max_read_iops);
  visit("maxWriteIOPS", tunables.max_write_iops);
  visit("maxBandwidth", tunables.max_bandwidth);
  visit("maxReadBandwidth", tunables.max_read_bandwidth);
  visit("maxWriteBandwidth", tunables.max_write_bandwidth);
}

// What a repeated CreateVolume must ask for again.
template <class Record, class Visitor>
void VisitCompared(Record& record, Visitor&& visit) {
  VisitFingerprint(record, visit);
  VisitTunables(record.tunables, visit);
}

template <class Record, class Visitor>
void VisitAll(Record& record, Visitor&& visit) {
  VisitCompared(record, visit);
  visit("depth", record.depth);
  visit("pvc", record.pvc);
  visit("pv", record.pv);
}

// False: a key of another type than ours.
bool Read(const nlohmann::json& json, const char* key, std::string* value) {
  const auto found = json.find(key);
  if (found != json.end() && found->is_string()) {
    *value = found->get<std::string>();
  }
  return found == json.end() || found->is_string();
}

template <class Number>
bool Read(const nlohmann::json& json, const char* key, Number* value) {
  return ReadNumber(json, key, value);
}

std::string AsText(const std::string& value) { return absl::StrCat("\"", value, "\""); }
std::string AsText(uint64_t value) { return absl::StrCat(value); }

uint64_t Lower(uint64_t left, uint64_t right) {
  return left == 0 || right == 0 ? std::max(left, right) : std::min(left, right);
}

}  // namespace

IoLimits Tunables::Limits() const {
  return {.read_iops = Lower(max_iops, max_read_iops),
          .write_iops = Lower(max_iops, max_write_iops),
          .read_bps = Lower(max_bandwidth, max_read_bandwidth),
          .write_bps = Lower(max_bandwidth, max_write_bandwidth)};
}

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
  int version = 0;
  bool readable = ReadNumber(json, "v", &version) && version == kVersion;
  VisitAll(record,
           [&](const char* key, auto& value) { readable = readable && Read(json, key, &value); });
  return readable ? std::optional(std::move(record)) : std::nullopt;
}

std::string Difference(const VolumeRecord& existing, const VolumeRecord& wanted) {
  std::vector<std::string> asked;
  VisitCompared(wanted,
                [&asked](const char*, const auto& value) { asked.push_back(AsText(value)); });
  std::vector<std::string> differences;
  size_t field = 0;
  VisitCompared(existing, [&](const char* key, const auto& value) {
    const std::string text = AsText(value);
    if (text != asked[field]) {
      differences.push_back(absl::StrCat(key, " is ", text, ", asked for ", asked[field]));
    }
    ++field;
  });
  return absl::StrJoin(differences, "; ");
}

}  // namespace rbdcsi
