// The node daemon's own flags, beside those of csi/cli.h.
//
// The node's address is the one at which Ceph sees this node's kernel clients: the controller
// recognises and fences them by it. Left out, it is the source address of the default route, which
// is wrong on a node that reaches Ceph through another network: set it there.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "csi/cli.h"
#include "csi/node_id.h"

namespace rbdcsi {

struct NodeOptions {
  CommonOptions common;
  std::string node_name;     // empty: the host's name
  std::string node_address;  // empty: found out
  std::vector<std::string> allowed_paths = {"/var/lib/kubelet"};
  int64_t max_volumes = 0;
  std::string cgroup_root = "/sys/fs/cgroup";
  double device_timeout_seconds = 60;
};

void AddNodeFlags(CLI::App& app, NodeOptions& options);

// INVALID_ARGUMENT: what to set. Asks the kernel for its routes; sends nothing.
absl::StatusOr<NodeId> FindNodeId(const NodeOptions& options);

}  // namespace rbdcsi
