// The node id of CSI: says itself which node it is, so that the controller can tell a node of ours
// from a foreign one without asking Kubernetes, and knows the address by which Ceph sees that
// node's kernel client.
//
//   v1/<node name>/<IP address>                  at most 192 bytes (the spec allows 256)
//   v1/<node name>/<IP address>/<max volumes>    of a node with a limit (--max-volumes-per-node)
//
// The limit is part of the id because the controller, which has to refuse the volume too many,
// hears nothing else of a node.
//
// Any other text is not a node of ours: NOT_FOUND. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rbdcsi {

struct NodeId {
  std::string name;
  std::string address;       // IPv4 or IPv6 in inet_ntop's spelling, no brackets
  uint32_t max_volumes = 0;  // 0: none of its own

  static std::optional<NodeId> Parse(std::string_view text);
  std::string ToString() const;

  friend bool operator==(const NodeId&, const NodeId&) = default;
};

// True when both texts name the same node: its limit may have been changed in between, and
// Kubernetes detaches by the node id of now what it attached by the one of then.
bool IsSameNode(std::string_view left, std::string_view right);

}  // namespace rbdcsi
