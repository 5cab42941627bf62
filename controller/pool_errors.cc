#include "controller/pool_errors.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "controller/pool_space.h"
#include "csi/status.h"

namespace rbdcsi {

bool IsFull(Cluster& cluster, const std::string& pool) {
  const auto dump = cluster.MonitorCommand(kOsdDump);
  if (!dump.ok()) {
    return false;
  }
  const auto spaces = SpacesIn(*dump);
  const auto found = spaces.find(pool);
  return found != spaces.end() && found->second == PoolSpace::kFull;
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
