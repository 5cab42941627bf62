#include "controller/capacity.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "csi/status.h"

namespace rbdcsi {

absl::StatusOr<uint64_t> AvailableBytes(std::string_view df_reply, const std::string& pool) {
  try {
    const nlohmann::json df = nlohmann::json::parse(df_reply);
    for (const nlohmann::json& entry : df.at("pools")) {
      if (entry.at("name") != pool) {
        continue;
      }
      const nlohmann::json& stats = entry.at("stats");
      const uint64_t available = stats.at("max_avail").get<uint64_t>();
      const uint64_t quota = stats.value("quota_bytes", uint64_t{0});
      const uint64_t stored = stats.value("stored", uint64_t{0});
      return quota == 0 ? available : std::min(available, quota - std::min(quota, stored));
    }
  } catch (const nlohmann::json::exception&) {
    return absl::UnavailableError("ask for the capacity: the monitors' reply is not understood");
  }
  return absl::NotFoundError(absl::StrCat("ask for the capacity: there is no pool ", pool));
}

absl::StatusOr<uint64_t> QueryAvailableBytes(Cluster& cluster, const std::string& pool) {
  ASSIGN_OR_RETURN(const std::string reply,
                   cluster.MonitorCommand(R"({"prefix":"df","detail":"detail","format":"json"})"));
  return AvailableBytes(reply, pool);
}

}  // namespace rbdcsi
