// rbd-csi-node: CSI Identity and Node. Talks to the kernel only; never to Ceph, never to
// Kubernetes.
#include <spdlog/spdlog.h>

#include <cstdio>
#include <exception>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "csi/identity_service.h"
#include "csi/log.h"
#include "csi/metrics.h"
#include "csi/rpc.h"
#include "csi/server.h"
#include "csi/status.h"
#include "node/device_mapper.h"
#include "node/kernel_module.h"
#include "node/node_grpc.h"
#include "node/node_options.h"
#include "node/node_service.h"
#include "node/path.h"

namespace rbdcsi {
namespace {

absl::Status Serve(const NodeOptions& options) {
  RETURN_IF_ERROR(Validate(options.common));
  RETURN_IF_ERROR(InitLogging(options.common.log));
  ASSIGN_OR_RETURN(const NodeId node, FindNodeId(options));
  ASSIGN_OR_RETURN(const AllowedPaths paths, AllowedPaths::Make(options.allowed_paths));
  // Not fatal: the plugin answers and unmounts without it, and each map that needs it says so.
  if (const absl::Status loaded = LoadKernelModule({.name = "rbd", .shows = "/sys/bus/rbd"});
      !loaded.ok()) {
    spdlog::warn("{}", std::string(loaded.message()));
  }
  const std::unique_ptr<DeviceMapper> mapper =
      MakeKrbd({.timeout = absl::Seconds(options.device_timeout_seconds)});
  ASSIGN_OR_RETURN(const std::string cgroup_root, CleanPath(options.cgroup_root));
  NodeService service({.node = node,
                       .keys_directory = options.common.keys,
                       .max_volumes = options.max_volumes,
                       .cgroup_root = cgroup_root},
                      *mapper, paths);
  Metrics metrics;
  RETURN_IF_ERROR(metrics.Serve(options.common.metrics_endpoint));
  IdentityService identity(options.common.driver_name);
  Border border({.max_in_flight = options.common.max_in_flight});
  IdentityGrpc identity_grpc(border, identity);
  NodeGrpc node_grpc(border, service);
  return RunServer(
      {.endpoint = options.common.endpoint, .drain = absl::Seconds(options.common.drain_seconds)},
      {&identity_grpc, &node_grpc});
}

int Main(int argc, char** argv) {
  BlockTerminationSignals();
  NodeOptions options;
  CLI::App app("The node half of rbd-csi: maps, formats, mounts and unmounts Ceph RBD volumes.",
               "rbd-csi-node");
  AddNodeFlags(app, options);
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = Serve(options);
  if (!status.ok()) {
    std::fprintf(stderr, "rbd-csi-node: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace rbdcsi

int main(int argc, char** argv) {
  try {
    return rbdcsi::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rbd-csi-node: %s\n", error.what());
    return 1;
  }
}
