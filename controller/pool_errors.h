// From an errno of librados or librbd to the status that the operation's table has for it.
//
// An operation that waits for space in a full pool only times out, so a timeout asks the OSD map
// whether the pool is full before it blames the network. Any thread; asks the monitors on ETIMEDOUT
// only.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "controller/ceph_handles.h"
#include "controller/error_tables.h"

namespace rbdcsi {

// Full pools and clusters as the OSD map has them.
bool IsFull(Cluster& cluster, const std::string& pool);

// `error` is positive.
absl::Status Fail(Pool& pool, CephOperation operation, int error, std::string_view object);
// `result` is 0 or more: OK; a negative errno: as Fail.
absl::Status Check(Pool& pool, CephOperation operation, int result, std::string_view object);

// "pool/(id 1234)", for messages about an image whose name is not at hand.
std::string SpecById(const Pool& pool, std::string_view id);

}  // namespace rbdcsi
