#include "controller/snapshot_claim.h"

#include <nlohmann/json.hpp>

namespace rbdcsi {
namespace {

constexpr int kVersion = 1;

}  // namespace

std::string SnapshotClaim::ToJson() const {
  const nlohmann::json json = {{"v", kVersion}, {"image", image}, {"id", image_id}, {"name", name}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<SnapshotClaim> SnapshotClaim::FromJson(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return std::nullopt;
  }
  try {
    if (json.value("v", 0) != kVersion) {
      return std::nullopt;
    }
    return SnapshotClaim{.image = json.value("image", ""),
                         .image_id = json.value("id", ""),
                         .name = json.value("name", "")};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;  // a key of another type than ours
  }
}

}  // namespace rbdcsi
