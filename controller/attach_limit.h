// The attach limit of a node: how many volumes it may have at once, as its node id says.
//
// Counted per pool and namespace, because a table of all pools would need one pool to live in. Only
// nodes with a limit are counted; for the others nothing is read or written. Blocking; any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "controller/image_store.h"
#include "csi/node_id.h"

namespace rbdcsi {

// Before the guard is taken. RESOURCE_EXHAUSTED: the node has as many volumes as it may have.
absl::Status TakePlace(ImageStore& store, const NodeId& node, const std::string& image_id);
// After the guard is released, or was not given.
absl::Status LeavePlace(ImageStore& store, const NodeId& node, const std::string& image_id);

}  // namespace rbdcsi
