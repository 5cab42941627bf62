// The clusters file: a new version of it is read while the driver serves, so none may end it.
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "controller/config.h"
#include "csi/status.h"
#include "csi/volume_id.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

// What kernels take: one plain address a monitor.
void CheckMonitors(const ClusterConfig& cluster) {
  HOLDS(!cluster.MonHost().empty());
  const std::vector<std::string> addresses = absl::StrSplit(cluster.KernelMonitors(), ',');
  HOLDS(addresses.size() == cluster.monitors.size());
  for (const std::string& address : addresses) {
    HOLDS(!address.empty() && !HasSpaces(address) && !HasControls(address));
    HOLDS(!absl::StartsWith(address, "v1:") && !absl::StartsWith(address, "v2:") &&
          !absl::StartsWith(address, "[v"));
  }
}

// Volumes of the cluster have ids, unless its names are too long.
void CheckNames(const ClusterConfig& cluster) {
  const VolumeId id = {.cluster = cluster.id,
                       .pool = "pool",
                       .rados_namespace = cluster.rados_namespace,
                       .image = ImageNameFor("name")};
  const std::string text = id.ToString();
  HOLDS(text.size() > kMaxIdBytes || VolumeId::Parse(text) == id);
}

// "line N: ...", a line that the file has.
void CheckComplaint(const absl::Status& status, size_t lines) {
  HOLDS(absl::IsInvalidArgument(status));
  absl::string_view message = status.message();
  HOLDS(absl::ConsumePrefix(&message, "line "));
  size_t line = 0;
  HOLDS(absl::SimpleAtoi(message.substr(0, message.find(':')), &line));
  HOLDS(line >= 1 && line <= lines);
}

}  // namespace

void Fuzz(std::string_view input) {
  const auto clusters = ParseClusters(input);
  if (!clusters.ok()) {
    CheckComplaint(clusters.status(), Lines(input).size());
    return;
  }
  HOLDS(!clusters->empty());
  std::set<std::string> ids;
  for (const ClusterConfig& cluster : *clusters) {
    HOLDS(ids.insert(cluster.id).second);
    CheckNames(cluster);
    CheckMonitors(cluster);
  }
}

}  // namespace rbdcsi::fuzz
