// How much can still be made in a pool: the smaller of what the devices have and what the quota
// leaves, from the monitors' own statistics. Pure parsing; the question itself is one monitor
// round.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "controller/ceph_handles.h"

namespace rbdcsi {

// NOT_FOUND: the reply of `df` has no such pool. UNAVAILABLE: the reply is not understood.
absl::StatusOr<uint64_t> AvailableBytes(std::string_view df_reply, const std::string& pool);
absl::StatusOr<uint64_t> QueryAvailableBytes(Cluster& cluster, const std::string& pool);

}  // namespace rbdcsi
