// The line that krbd maps an image by: made of names and options from requests, read back from a
// device's config_info.
#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "csi/map_options.h"
#include "csi/status.h"
#include "node/krbd_line.h"
#include "tests/fuzz/canary.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

std::string Or(std::string text, const char* otherwise) {
  return text.empty() ? otherwise : std::move(text);
}

// As a NodeStageVolume would ask, with everything that the fields do not say.
std::optional<MapRequest> RequestOf(const Fields& fields) {
  google::protobuf::Map<std::string, std::string> secrets;
  secrets["userID"] = Or(Get(fields, "userID"), "rbd-csi-node");
  secrets["userKey"] = std::string(kCanary);
  const auto volume = VolumeId::Parse(Or(Get(fields, "volume_id"), "prod/rbd/csi.pvc-1"));
  const auto credentials = FindCredentials(secrets, "", "");
  if (!volume.has_value() || !credentials.ok()) {
    return std::nullopt;
  }
  return MapRequest{.volume = *volume,
                    .monitors = Or(Get(fields, "monitors"), "192.0.2.1:3300"),
                    .credentials = *credentials,
                    .options = Get(fields, "mapOptions"),
                    .read_only = fields.contains("readOnly"),
                    .exclusive = fields.contains("exclusive")};
}

std::set<std::string> AllowedNames() {
  std::set<std::string> names = {"name",    "key",       "noshare",      "mount_timeout",
                                 "ro",      "exclusive", "lock_on_read", "lock_timeout",
                                 "ms_mode", "_pool_ns"};
  names.insert(kKernelMapOptions.begin(), kKernelMapOptions.end());
  return names;
}

void CheckOptions(const std::string& options, const MapRequest& request) {
  static const std::set<std::string> allowed = AllowedNames();
  std::multiset<std::string> names;
  for (const std::string& option : std::vector<std::string>(absl::StrSplit(options, ','))) {
    names.insert(option.substr(0, option.find('=')));
    HOLDS(allowed.contains(option.substr(0, option.find('='))));
  }
  for (const char* once : {"name", "key", "noshare"}) {
    HOLDS(names.count(once) == 1);
  }
  HOLDS(names.contains("ro") == request.read_only);
  HOLDS(names.contains("exclusive") == (request.exclusive && !request.read_only));
  HOLDS(names.contains("_pool_ns") == !request.volume.rados_namespace.empty());
}

void CheckLine(const KrbdLine& line, const MapRequest& request) {
  HOLDS(!HasControls(line.text) && line.text.size() < 4096);
  const std::vector<std::string> words = absl::StrSplit(line.text, ' ');
  HOLDS(words.size() == 5 && words[4] == "-");
  HOLDS(words[0] == request.monitors && words[2] == request.volume.pool &&
        words[3] == request.volume.image);
  HOLDS(!Contains(line.text, kCanary));
  CheckOptions(words[1], request);
  HOLDS(SameOptions(line.text, line.text));
  HOLDS(SameOptions(WithoutLockOnRead(line), line.text));
  HOLDS(HasMapOption(line.text, "lock_on_read") == line.lock_on_read);
}

}  // namespace

void Fuzz(std::string_view input) {
  const Fields fields = ParseFields(input);
  const std::string foreign = Get(fields, "config_info");
  const auto request = RequestOf(fields);
  if (!request.has_value() || Contains(input, kCanary)) {
    return;
  }
  const auto line = MakeKrbdLine(*request, absl::Seconds(60));
  if (line.ok()) {
    CheckLine(*line, *request);
    // Whose device it is can be read from it, and nobody else's.
    const std::string& cluster = request->volume.cluster;
    const std::string other = Or(Get(fields, "otherCluster"), "other");
    HOLDS(IsOurs(line->text, cluster));
    HOLDS(IsOurs(line->text, other) == (other == cluster));
    HOLDS(SameOptions(foreign, line->text) == SameOptions(line->text, foreign));
  }
  HOLDS(!IsOurs(foreign, "prod") || Contains(foreign, "key=rbd-csi/prod/"));
  HOLDS(!HasMapOption(foreign, "ro") || Contains(foreign, "ro"));
}

}  // namespace rbdcsi::fuzz
