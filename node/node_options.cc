#include "node/node_options.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "csi/status.h"
#include "node/unique_fd.h"

namespace rbdcsi {
namespace {

// Connecting a UDP socket sends nothing; it makes the kernel choose the source address. Both
// destinations are documentation networks (RFC 5737, RFC 3849), so only a default route matches.
std::optional<std::string> SourceAddress(int family) {
  const UniqueFd fd(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 storage{};
  sockaddr_in to4{};
  to4.sin_family = AF_INET;
  to4.sin_port = htons(9);
  inet_pton(AF_INET, "198.51.100.1", &to4.sin_addr);
  sockaddr_in6 to6{};
  to6.sin6_family = AF_INET6;
  to6.sin6_port = htons(9);
  inet_pton(AF_INET6, "2001:db8::1", &to6.sin6_addr);
  const auto* to = family == AF_INET ? reinterpret_cast<const sockaddr*>(&to4)
                                     : reinterpret_cast<const sockaddr*>(&to6);
  const socklen_t to_size = family == AF_INET ? sizeof(to4) : sizeof(to6);
  socklen_t size = sizeof(storage);
  if (connect(fd.get(), to, to_size) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return std::nullopt;
  }
  const void* address =
      family == AF_INET
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr)
          : static_cast<const void*>(&storage.sin6_addr);
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family, address, text.data(), text.size());
  return std::string(text.data());
}

std::string HostName() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

void AddNodeFlags(CLI::App& app, NodeOptions& options) {
  AddCommonFlags(app, options.common);
  app.add_option("--node-name", options.node_name,
                 "This node's name, as Kubernetes knows it (default: the host's name)")
      ->envname("RBD_CSI_NODE_NAME");
  app.add_option("--node-address", options.node_address,
                 "The IP address at which Ceph sees this node (default: the source address of the "
                 "default route; set it when Ceph is reached through another network)")
      ->envname("RBD_CSI_NODE_ADDRESS");
  app.add_option("--allowed-path", options.allowed_paths,
                 "Directory below which staging and target paths must be; may be repeated")
      ->take_all()
      ->envname("RBD_CSI_ALLOWED_PATH")
      ->capture_default_str();
  app.add_option("--max-volumes-per-node", options.max_volumes,
                 "How many volumes this node takes; 0: Kubernetes decides")
      ->envname("RBD_CSI_MAX_VOLUMES_PER_NODE")
      ->check(CLI::Range(int64_t{0}, int64_t{std::numeric_limits<uint32_t>::max()}))
      ->capture_default_str();
  app.add_option("--cgroup-root", options.cgroup_root,
                 "Where the host's cgroup v2 hierarchy is mounted, writable; or the cgroup in it "
                 "that holds the kubelet's, when that is deeper than one level. Needed for volumes "
                 "with I/O limits")
      ->envname("RBD_CSI_CGROUP_ROOT")
      ->capture_default_str();
  app.add_option("--device-timeout", options.device_timeout_seconds,
                 "Seconds that the kernel may take to map or unmap an image")
      ->envname("RBD_CSI_DEVICE_TIMEOUT")
      ->check(CLI::Range(1.0, 3600.0))
      ->capture_default_str();
}

absl::StatusOr<NodeId> FindNodeId(const NodeOptions& options) {
  NodeId id{.name = options.node_name.empty() ? HostName() : options.node_name,
            .address = options.node_address,
            .max_volumes = static_cast<uint32_t>(options.max_volumes)};
  for (const int family : {AF_INET, AF_INET6}) {
    if (id.address.empty()) {
      id.address = SourceAddress(family).value_or("");
    }
  }
  if (id.address.empty()) {
    return absl::InvalidArgumentError(
        "--node-address: this node has no default route to learn it from; set the address at "
        "which Ceph sees this node");
  }
  if (!NodeId::Parse(id.ToString()).has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("--node-name \"", id.name,
                                                   "\", --node-address \"", id.address,
                                                   "\": not a node's name and an IP address"));
  }
  return id;
}

}  // namespace rbdcsi
