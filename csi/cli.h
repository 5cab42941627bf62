// The flags both daemons have, and the way a daemon's help page is made.
// Each flag has an environment twin RBD_CSI_<FLAG>; the endpoint also reads CSI_ENDPOINT (CSI spec,
// "transport").
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "absl/time/time.h"
#include "csi/log.h"

namespace rbdcsi {

struct CommonOptions {
  std::string endpoint;                    // unix:///run/csi/csi.sock
  std::string driver_name = "rbd-csi.io";  // CSIDriver's name
  std::string
      keys;  // directory <clusterID>/userID and <clusterID>/userKey; empty: keys come with requests
  std::string metrics_endpoint;  // host:port for Prometheus; empty: no metrics
  int max_in_flight = 256;       // calls served at once, Identity not counted
  double drain_seconds = 30;     // how long SIGTERM waits for calls in flight
  LogOptions log;
};

// Adds the flags above to `app`, with their environment twins and help texts.
void AddCommonFlags(CLI::App& app, CommonOptions& options);

// INVALID_ARGUMENT with what to write instead: no endpoint, not a unix socket with an absolute
// path, a driver name that CSI does not allow (1..63 characters, domain form).
absl::Status Validate(const CommonOptions& options);

}  // namespace rbdcsi
