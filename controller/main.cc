// rbd-csi-controller: CSI Identity and Controller on a unix socket, Ceph behind it.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "absl/time/time.h"
#include "controller/attacher.h"
#include "controller/config.h"
#include "controller/controller_grpc.h"
#include "controller/controller_service.h"
#include "controller/flattener.h"
#include "controller/group_grpc.h"
#include "controller/group_service.h"
#include "controller/metadata_grpc.h"
#include "controller/metadata_service.h"
#include "controller/provisioner.h"
#include "controller/reaper.h"
#include "controller/snapshot_service.h"
#include "controller/stores.h"
#include "csi/cli.h"
#include "csi/identity_service.h"
#include "csi/log.h"
#include "csi/metrics.h"
#include "csi/rpc.h"
#include "csi/server.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

struct Options {
  CommonOptions common;
  std::string clusters_config = "/etc/rbd-csi/config.json";
  double reaper_seconds = 60;
  double flatten_seconds = 10;
  double fence_hours = 5 * 365 * 24;
  double half_made_seconds = 20;
};

void AddFlags(CLI::App& app, Options& options) {
  AddCommonFlags(app, options.common);
  app.add_option("--clusters-config", options.clusters_config,
                 "File with the Ceph clusters, in the shape of ceph-csi's config.json; read again "
                 "when it changes")
      ->envname("RBD_CSI_CLUSTERS_CONFIG")
      ->capture_default_str();
  app.add_option(
         "--reaper-interval", options.reaper_seconds,
         "Seconds between two looks into the trash for deleted volumes; 0 leaves them there")
      ->envname("RBD_CSI_REAPER_INTERVAL")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--flatten-interval", options.flatten_seconds,
                 "Seconds between two looks for clones that are to be flattened; 0 leaves them as "
                 "they are")
      ->envname("RBD_CSI_FLATTEN_INTERVAL")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--fence-duration", options.fence_hours,
                 "Hours for which a client stays blocklisted that had a volume mapped when it was "
                 "detached")
      ->envname("RBD_CSI_FENCE_DURATION")
      ->check(CLI::Range(1.0, 100000.0))
      ->capture_default_str();
  app.add_option("--half-made-grace", options.half_made_seconds,
                 "Seconds for which a half-made image counts as still being made by another "
                 "controller")
      ->envname("RBD_CSI_HALF_MADE_GRACE")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

absl::Status Run(const Options& options) {
  ClustersFile clusters(options.clusters_config);
  // A file that is broken from the start is a mistake in the deployment: say so and stop.
  RETURN_IF_ERROR(clusters.Read().status());
  Stores stores(clusters, options.common.keys);
  Provisioner provisioner(absl::Seconds(options.half_made_seconds));
  Attacher attacher(absl::Hours(options.fence_hours));
  Metrics metrics;
  RETURN_IF_ERROR(metrics.Serve(options.common.metrics_endpoint));
  Reaper reaper(stores, metrics, absl::Seconds(options.reaper_seconds));
  const Flattener flattener(stores, reaper, metrics, absl::Seconds(options.flatten_seconds));
  ControllerService controller({stores, provisioner, attacher, reaper});
  SnapshotService snapshots(stores, reaper);
  GroupService groups(stores, reaper);
  MetadataService metadata(stores);
  IdentityService identity(options.common.driver_name);
  Border border(Border::Options{.max_in_flight = options.common.max_in_flight});
  ControllerGrpc controller_grpc(border, controller, snapshots);
  GroupGrpc group_grpc(border, groups);
  MetadataGrpc metadata_grpc(border, metadata);
  IdentityGrpc identity_grpc(border, identity);
  return RunServer(
      {.endpoint = options.common.endpoint, .drain = absl::Seconds(options.common.drain_seconds)},
      {&identity_grpc, &controller_grpc, &metadata_grpc, &group_grpc});
}

}  // namespace
}  // namespace rbdcsi

int main(int argc, char** argv) try {
  rbdcsi::BlockTerminationSignals();
  rbdcsi::Options options;
  CLI::App app("CSI controller for Ceph RBD", "rbd-csi-controller");
  rbdcsi::AddFlags(app, options);
  CLI11_PARSE(app, argc, argv);
  absl::Status status = rbdcsi::Validate(options.common);
  if (status.ok()) {
    status = rbdcsi::InitLogging(options.common.log);
  }
  if (status.ok()) {
    status = rbdcsi::Run(options);
  }
  if (!status.ok()) {
    std::fprintf(stderr, "rbd-csi-controller: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "rbd-csi-controller: %s\n", error.what());
  return 1;
}
