#include "controller/pool_errors.h"

#include <cerrno>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "csi/status.h"

namespace rbdcsi {

bool IsFull(Cluster& cluster, const std::string& pool) {
  const auto dump = cluster.MonitorCommand(R"({"prefix":"osd dump","format":"json"})");
  if (!dump.ok()) {
    return false;
  }
  const auto map = nlohmann::json::parse(*dump, nullptr, false);
  if (!map.is_object()) {
    return false;
  }
  if (absl::StrContains(map.value("flags", ""), "full")) {
    return true;
  }
  for (const auto& entry : map.value("pools", nlohmann::json::array())) {
    if (entry.value("pool_name", "") == pool) {
      return absl::StrContains(entry.value("flags_names", ""), "full");
    }
  }
  return false;
}

absl::Status Fail(Pool& pool, CephOperation operation, int error, std::string_view object) {
  if (error == ETIMEDOUT && IsFull(pool.cluster(), pool.path().pool)) {
    return StatusFor(TableFor(operation), ENOSPC, object);
  }
  return pool.cluster().Fail(operation, error, object);
}

absl::Status Check(Pool& pool, CephOperation operation, int result, std::string_view object) {
  return result < 0 ? Fail(pool, operation, -result, object) : absl::OkStatus();
}

std::string SpecById(const Pool& pool, std::string_view id) {
  return pool.Spec(absl::StrCat("(id ", Sv(id), ")"));
}

}  // namespace rbdcsi
