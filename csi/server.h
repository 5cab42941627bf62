// The gRPC server on a unix socket, from bind to drained.
//
// The synchronous API is used on purpose: handlers block in librbd and in mount(2), and the
// callback API runs them on as many threads as there are cores, so that 32 slow calls keep Probe
// waiting for 16 s (measured, gRPC 1.51). No thread quota either: with ResourceQuota::SetMaxThreads
// the server answers RESOURCE_EXHAUSTED by itself, Probe included (measured). The cap is in
// csi/rpc.h.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace rbdcsi {

struct ServerOptions {
  std::string endpoint;  // unix:///abs/path.sock
  absl::Duration drain;  // after SIGTERM or SIGINT
};

// Blocks SIGTERM and SIGINT in this thread and all threads made after it; call first in main().
void BlockTerminationSignals();

// Serves until SIGTERM or SIGINT, then refuses new calls, waits at most `drain` for those in
// flight, logs the ones it leaves behind by name and step and ends the process with status 0 (their
// threads still use what main() owns); a second signal ends the wait. Returns OK when all calls are
// done. The socket has mode 0600 from its first moment and replaces a dead one; a live one
// (somebody answers) is FAILED_PRECONDITION. The socket file is removed at the end.
absl::Status RunServer(const ServerOptions& options, const std::vector<grpc::Service*>& services);

}  // namespace rbdcsi
