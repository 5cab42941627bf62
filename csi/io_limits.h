// How much I/O a volume may do: what the controller keeps with the volume and the node enforces
// with cgroup v2 io.max (docs/limits.md). Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace rbdcsi {

// 0: no limit.
struct IoLimits {
  uint64_t read_iops = 0;  // operations a second
  uint64_t write_iops = 0;
  uint64_t read_bps = 0;  // bytes a second
  uint64_t write_bps = 0;

  bool Any() const { return *this != IoLimits(); }

  // The keys of a publish context: "readIops", "writeIops", "readBps", "writeBps"; only those that
  // are set.
  using Map = std::map<std::string, std::string>;
  void AddTo(Map& map) const;
  // INVALID_ARGUMENT naming the key: not a number. Other keys are not looked at.
  static absl::StatusOr<IoLimits> FromMap(const Map& map);

  friend bool operator==(const IoLimits&, const IoLimits&) = default;
};

}  // namespace rbdcsi
