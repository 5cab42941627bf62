// csi-bench: a CSI client and the raw calls that its RPCs come down to, in one process. bench.py
// runs it in a world of its own; it can be pointed at any driver and Ceph by hand.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>
#include <iostream>

#include "absl/status/status.h"
#include "tests/bench/controller_bench.h"
#include "tests/bench/daemon_bench.h"
#include "tests/bench/list_bench.h"
#include "tests/bench/node_bench.h"
#include "tests/bench/snapshot_bench.h"

namespace {

using rbdcsi::CephTarget;
using rbdcsi::ControllerBench;
using rbdcsi::DaemonBench;
using rbdcsi::ListBench;
using rbdcsi::NodeBench;
using rbdcsi::SnapshotBench;

using Chosen = std::function<absl::Status()>;

void AddCeph(CLI::App& app, CephTarget& ceph) {
  app.add_option("--conf", ceph.conf, "ceph.conf (default: CEPH_CONF, /etc/ceph/ceph.conf)");
  app.add_option("--keyring", ceph.keyring, "keyring (default: as ceph.conf says)");
  app.add_option("--user", ceph.user, "Ceph user of the raw calls and the counters");
  app.add_option("--pool", ceph.pool, "pool of the volumes");
}

void AddController(CLI::App& app, ControllerBench& bench, Chosen& chosen) {
  CLI::App* command = app.add_subcommand("controller", "the controller's RPCs beside librbd");
  AddCeph(*command, bench.ceph);
  command->add_option("--socket", bench.socket, "the controller's socket")->required();
  command->add_option("--callers", bench.callers, "numbers of callers: 1,8,32")->delimiter(',');
  command->add_option("--count", bench.count, "timed calls of each RPC");
  command->add_option("--warmup", bench.warmup, "calls before them");
  command->add_option("--count-operations", bench.count_operations,
                      "first count OSD operations over that many calls");
  command->add_option("--existing", bench.existing, "volumes to make before everything else");
  command->add_option("--size-mib", bench.size_mib, "size of a volume");
  command->add_option("--node-id", bench.node_id, "node id to publish to");
  command->add_flag("--leave-trash", bench.leave_trash, "leave the raw images in the trash");
  command->callback([&] {
    bench.parameters["pool"] = bench.ceph.pool;
    chosen = [&bench] { return rbdcsi::RunControllerBench(bench); };
  });
}

void AddSnapshots(CLI::App& app, SnapshotBench& bench, Chosen& chosen) {
  CLI::App* command = app.add_subcommand("snapshots", "snapshots and clones beside librbd");
  AddCeph(*command, bench.ceph);
  command->add_option("--socket", bench.socket, "the controller's socket")->required();
  command->add_option("--count", bench.count, "calls of what waits for the monitors");
  command->add_option("--clones", bench.clones, "timed clones of a snapshot");
  command->add_option("--parallel", bench.parallel, "snapshots at the same time");
  command->add_option("--times", bench.times, "how often that is done");
  command->add_option("--idle", bench.idle_s, "seconds to watch the idle cluster first");
  command->add_option("--existing", bench.existing, "volumes in the pool, for the report");
  command->add_option("--size-mib", bench.size_mib, "size of a volume");
  command->add_flag("--leave-all", bench.leave_all, "remove nothing at the end");
  command->callback([&] {
    bench.parameters["pool"] = bench.ceph.pool;
    chosen = [&bench] { return rbdcsi::RunSnapshotBench(bench); };
  });
}

void AddLists(CLI::App& app, ListBench& bench, Chosen& chosen) {
  CLI::App* command = app.add_subcommand("lists", "ListVolumes, and CreateVolume among many");
  AddCeph(*command, bench.ceph);
  command->add_option("--socket", bench.socket, "the controller's socket")->required();
  command->add_option("--existing", bench.existing, "volumes to make; they stay");
  command->add_option("--entries", bench.entries, "volumes to make for it without --existing");
  command->add_option("--count", bench.count, "timed calls of CreateVolume");
  command->add_option("--walks", bench.walks, "how often all the pages are read");
  command->add_option("--size-mib", bench.size_mib, "size of a timed volume");
  command->callback([&] {
    bench.parameters["pool"] = bench.ceph.pool;
    chosen = [&bench] { return rbdcsi::RunListBench(bench); };
  });
}

void AddNode(CLI::App& app, NodeBench& bench, Chosen& chosen) {
  CLI::App* command = app.add_subcommand("node", "stage and unstage beside the kernel's calls");
  AddCeph(*command, bench.ceph);
  command->add_option("--socket", bench.socket, "the node plugin's socket")->required();
  command->add_option("--volumes", bench.volumes, "JSON list of published volumes")->required();
  command->add_option("--key-file", bench.key_file, "file with the node user's key")->required();
  command->add_option("--directory", bench.directory, "where staging paths are made");
  command->add_option("--callers", bench.callers, "callers at once");
  command->add_option("--count", bench.count, "timed calls of each RPC");
  command->add_option("--warmup", bench.warmup, "calls before them");
  command->add_option("--count-operations", bench.count_operations,
                      "first count OSD operations over that many calls");
  command->add_option("--existing", bench.existing, "volumes in the pool, for the report");
  command->callback([&] { chosen = [&bench] { return rbdcsi::RunNodeBench(bench); }; });
}

void AddDaemon(CLI::App& app, DaemonBench& bench, Chosen& chosen) {
  CLI::App* command = app.add_subcommand("daemon", "start time and idle memory of a daemon");
  command->add_option("--name", bench.name, "how the figures are called")->required();
  command->add_option("--socket", bench.socket, "where it will listen")->required();
  command->add_option("--starts", bench.starts, "how often to start it");
  command->add_option("argv", bench.argv, "-- PROGRAM FLAGS...")->required();
  command->callback([&] { chosen = [&bench] { return rbdcsi::RunDaemonBench(bench); }; });
}

int Run(int argc, char** argv) {
  CLI::App app("Measures rbd-csi beside the raw calls it comes down to; prints JSON lines.");
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default();
  Chosen chosen;
  ControllerBench controller;
  SnapshotBench snapshots;
  ListBench lists;
  NodeBench node;
  DaemonBench daemon;
  AddController(app, controller, chosen);
  AddSnapshots(app, snapshots, chosen);
  AddLists(app, lists, chosen);
  AddNode(app, node, chosen);
  AddDaemon(app, daemon, chosen);
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = chosen();
  if (!status.ok()) {
    std::cerr << "csi-bench: " << status << std::endl;
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "csi-bench: %s\n", error.what());
    return 1;
  }
}
