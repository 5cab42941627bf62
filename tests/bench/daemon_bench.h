// How fast a daemon starts and how little it needs when idle: `csi-bench daemon`.
//
// It starts the program several times, each time until Probe is answered and then until it has
// idled for a while, reads VmRSS (shared libraries' pages in use count), and ends it by SIGTERM.
// One thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace rbdcsi {

struct DaemonBench {
  std::string name;               // "controller": the values are idle_rss_controller_mib and so on
  std::string socket;             // where the daemon will listen
  std::vector<std::string> argv;  // the program with its flags, --endpoint included
  int starts = 5;
};

// Prints start_to_probe_<name>_ms and idle_rss_<name>_mib, each the median of all starts.
absl::Status RunDaemonBench(const DaemonBench& bench);

}  // namespace rbdcsi
