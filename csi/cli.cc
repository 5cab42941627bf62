#include "csi/cli.h"

#include <sys/un.h>

#include <algorithm>
#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace rbdcsi {
namespace {

constexpr absl::string_view kUnix = "unix://";
constexpr size_t kMaxDriverName = 63;

bool IsAlnum(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

bool IsDriverName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxDriverName && IsAlnum(name.front()) &&
         IsAlnum(name.back()) && std::all_of(name.begin(), name.end(), [](char c) {
           return IsAlnum(c) || c == '-' || c == '.';
         });
}

absl::Status ValidateEndpoint(const std::string& endpoint) {
  constexpr absl::string_view kAdvice =
      " (give --endpoint or CSI_ENDPOINT as unix:///absolute/path.sock)";
  if (endpoint.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("endpoint: missing", kAdvice));
  }
  if (!absl::StartsWith(endpoint, kUnix) || endpoint.size() < kUnix.size() + 2 ||
      endpoint[kUnix.size()] != '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("endpoint ", endpoint, ": not a unix socket with an absolute path", kAdvice));
  }
  if (endpoint.size() - kUnix.size() >= sizeof(sockaddr_un::sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "endpoint ", endpoint, ": the path is longer than a unix socket's can be (use at most ",
        sizeof(sockaddr_un::sun_path) - 1, " bytes)"));
  }
  return absl::OkStatus();
}

}  // namespace

void AddCommonFlags(CLI::App& app, CommonOptions& options) {
  constexpr size_t kColumn = 34;
  app.get_formatter()->column_width(kColumn);
  app.get_formatter()->label("REQUIRED", "");
  app.set_version_flag("--version", RBDCSI_VERSION);
  // A deployment's own arguments come after the chart's, and win.
  app.option_defaults()->take_last();
  // A flag has one environment twin in CLI11; the name from the CSI specification is the default.
  if (const char* endpoint = std::getenv("CSI_ENDPOINT")) {  // NOLINT(concurrency-mt-unsafe)
    options.endpoint = endpoint;
  }
  app.add_option("--endpoint", options.endpoint,
                 "Socket to serve on, unix:///absolute/path.sock (also CSI_ENDPOINT)")
      ->envname("RBD_CSI_ENDPOINT")
      ->group("Serving");
  app.add_option("--driver-name", options.driver_name, "Name of the CSIDriver object")
      ->envname("RBD_CSI_DRIVER_NAME")
      ->capture_default_str()
      ->group("Serving");
  app.add_option("--max-in-flight", options.max_in_flight,
                 "Calls served at once; more are answered UNAVAILABLE")
      ->envname("RBD_CSI_MAX_IN_FLIGHT")
      ->capture_default_str()
      ->group("Serving");
  app.add_option("--drain-seconds", options.drain_seconds,
                 "How long SIGTERM waits for calls in flight")
      ->envname("RBD_CSI_DRAIN_SECONDS")
      ->capture_default_str()
      ->group("Serving");
  app.add_option("--metrics-endpoint", options.metrics_endpoint,
                 "Where to serve metrics to Prometheus, host:port; without it, nowhere")
      ->envname("RBD_CSI_METRICS_ENDPOINT")
      ->group("Serving");
  app.add_option("--keys", options.keys,
                 "Directory with <clusterID>/userID and <clusterID>/userKey; without it, keys come "
                 "with the requests")
      ->envname("RBD_CSI_KEYS")
      ->group("Ceph");
  app.add_option("--log-level", options.log.level, "trace, debug, info, warning or error")
      ->envname("RBD_CSI_LOG_LEVEL")
      ->capture_default_str()
      ->group("Logging");
  app.add_option("--log-format", options.log.format, "text or json")
      ->envname("RBD_CSI_LOG_FORMAT")
      ->capture_default_str()
      ->group("Logging");
}

absl::Status Validate(const CommonOptions& options) {
  if (absl::Status status = ValidateEndpoint(options.endpoint); !status.ok()) {
    return status;
  }
  if (!IsDriverName(options.driver_name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "driver name \"", options.driver_name,
        "\": not a domain name of 1 to 63 characters (use letters, digits, '-' and '.', for "
        "example rbd-csi.io)"));
  }
  if (options.max_in_flight < 1) {
    return absl::InvalidArgumentError(absl::StrCat("max-in-flight ", options.max_in_flight,
                                                   ": nothing could be served (give 1 or more)"));
  }
  if (!(options.drain_seconds >= 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("drain-seconds ", options.drain_seconds, ": negative (give 0 or more)"));
  }
  return absl::OkStatus();
}

}  // namespace rbdcsi
