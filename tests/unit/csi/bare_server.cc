// The smallest daemon there can be: Identity, and one Node call that takes as long as the test asks
// for. Tests start it to see sockets, signals and logs as the kubelet does; it is also what the
// footprint of a server is measured on.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "absl/strings/numbers.h"
#include "csi/cli.h"
#include "csi/identity_service.h"
#include "csi/server.h"
#include "csi/status.h"
#include "csi/step.h"

namespace rbdcsi {
namespace {

// NodeGetVolumeStats with volume_path "2.5" takes 2.5 s; its answer says how many milliseconds the
// call had left at the beginning.
class SlowNode {
 public:
  absl::StatusOr<csi::v1::NodeGetVolumeStatsResponse> Stats(
      const Call& call, const csi::v1::NodeGetVolumeStatsRequest& request) {
    csi::v1::NodeGetVolumeStatsResponse response;
    response.add_usage()->set_available(absl::ToInt64Milliseconds(call.remaining()));
    double seconds = 0;
    if (!absl::SimpleAtod(request.volume_path(), &seconds)) {
      return absl::InvalidArgumentError("volume_path: not a number of seconds");
    }
    const Step step("sleep");
    absl::SleepFor(absl::Seconds(seconds));
    return response;
  }
};

class SlowNodeGrpc final : public csi::v1::Node::Service {
 public:
  explicit SlowNodeGrpc(Border& border) : border_(border) {}
  grpc::Status NodeGetVolumeStats(grpc::ServerContext* context,
                                  const csi::v1::NodeGetVolumeStatsRequest* request,
                                  csi::v1::NodeGetVolumeStatsResponse* response) override {
    return border_.ServeLocked(context, request, response, node_, &SlowNode::Stats,
                               request->volume_id());
  }

 private:
  Border& border_;
  SlowNode node_;
};

absl::Status Serve(const CommonOptions& options) {
  RETURN_IF_ERROR(Validate(options));
  RETURN_IF_ERROR(InitLogging(options.log));
  Border border({.max_in_flight = options.max_in_flight});
  IdentityService identity(options.driver_name);
  IdentityGrpc identity_grpc(border, identity);
  SlowNodeGrpc node_grpc(border);
  return RunServer({.endpoint = options.endpoint, .drain = absl::Seconds(options.drain_seconds)},
                   {&identity_grpc, &node_grpc});
}

}  // namespace
}  // namespace rbdcsi

// CLI11 throws on a mistake in the flags themselves, which the tests do not make.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  rbdcsi::BlockTerminationSignals();
  CLI::App app("A CSI server without a driver, for tests.");
  rbdcsi::CommonOptions options;
  rbdcsi::AddCommonFlags(app, options);
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = rbdcsi::Serve(options);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  }
  return status.ok() ? 0 : 1;
}
