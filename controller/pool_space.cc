#include "controller/pool_space.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace rbdcsi {
namespace {

constexpr absl::Duration kFresh = absl::Seconds(10);

// Whole words: "nearfull" and "backfillfull" have "full" in them.
PoolSpace SpaceOf(const std::string& flags) {
  const std::vector<std::string> words = absl::StrSplit(flags, ',');
  const auto has = [&words](const char* word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  if (has("full") || has("full_quota")) {
    return PoolSpace::kFull;
  }
  return has("nearfull") || has("backfillfull") ? PoolSpace::kNearFull : PoolSpace::kEnough;
}

}  // namespace

std::map<std::string, PoolSpace> SpacesIn(std::string_view osd_dump) {
  std::map<std::string, PoolSpace> spaces;
  const auto map = nlohmann::json::parse(osd_dump, nullptr, false);
  if (!map.is_object()) {
    return spaces;
  }
  const PoolSpace cluster = SpaceOf(map.value("flags", ""));
  for (const auto& entry : map.value("pools", nlohmann::json::array())) {
    spaces[entry.value("pool_name", "")] =
        std::max(cluster, SpaceOf(entry.value("flags_names", "")));
  }
  return spaces;
}

PoolSpace PoolSpaces::Answer::Of(const std::string& pool) const {
  const auto found = spaces.find(pool);
  return found == spaces.end() ? PoolSpace::kUnknown : found->second;
}

PoolSpaces::Answer PoolSpaces::Ask(const std::string& cluster) {
  Answer answer{.asked = absl::Now(), .spaces = {}};
  const auto config = stores_.clusters().Find(cluster);
  if (!config.ok()) {
    return answer;
  }
  const auto connected = stores_.Connect(*config, nullptr);
  if (connected.ok()) {
    answer.spaces = SpacesIn((*connected)->MonitorCommand(kOsdDump).value_or(""));
  }
  return answer;
}

PoolSpace PoolSpaces::Of(const std::string& cluster, const std::string& pool) {
  {
    absl::MutexLock lock(&mutex_);
    const auto found = answers_.find(cluster);
    if (found != answers_.end() && found->second.asked + kFresh > absl::Now()) {
      return found->second.Of(pool);
    }
  }
  Answer answer = Ask(cluster);
  absl::MutexLock lock(&mutex_);
  return (answers_[cluster] = std::move(answer)).Of(pool);
}

}  // namespace rbdcsi
