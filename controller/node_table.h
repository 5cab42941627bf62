// Which volumes a node has, for the nodes that have a limit: one small omap object per node in each
// pool and namespace, "rbd-csi.node.<node name>", image id -> when it was added.
//
// An entry is added before the guard is taken and removed after it is released, so there are never
// fewer than volumes attached. Additions are ordered by a generation number (compare and set), so
// that two controllers cannot both take a node's last place. One function is one operation; results
// are 0 or a negative errno. Any thread.
#pragma once

#include <string>
#include <vector>

#include "controller/ceph_handles.h"
#include "controller/image_store.h"

namespace rbdcsi::node_table {

// Nothing is known of a node that never had a volume.
int Read(Pool& pool, const std::string& node, NodeVolumes* volumes);

struct Addition {
  std::string generation;  // as it was read
  std::string id;
};
// ECANCELED: something was added meanwhile.
int Add(Pool& pool, const std::string& node, const Addition& addition);
int Remove(Pool& pool, const std::string& node, const std::vector<std::string>& ids);

}  // namespace rbdcsi::node_table
