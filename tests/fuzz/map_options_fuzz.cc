// Options for the node in a StorageClass: the controller allows or refuses them before a volume is
// made with them, so the node must be able to do what the controller has allowed.
#include "absl/strings/str_split.h"
#include "controller/node_options.h"
#include "node/krbd_line.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

using Parser = absl::StatusOr<std::string> (*)(std::string_view);

// What was accepted is accepted again as it is.
absl::StatusOr<std::string> Parse(Parser parser, std::string_view text) {
  absl::StatusOr<std::string> options = parser(text);
  if (!options.ok()) {
    HOLDS(absl::IsInvalidArgument(options.status()));
    return options;
  }
  HOLDS(!HasControls(*options) && options->size() <= text.size());
  const absl::StatusOr<std::string> again = parser(*options);
  HOLDS(again.ok() && *again == *options);
  return options;
}

MapRequest RequestWith(const std::string& options) {
  return {.volume = {"prod", "rbd", "", "csi.pvc-1"},
          .monitors = "192.0.2.1:3300",
          .credentials = {.user = "rbd-csi-node", .key = "c2VjcmV0IHNlY3JldCBzZWNyZXQ="},
          .options = options};
}

}  // namespace

void Fuzz(std::string_view input) {
  const auto map_options = Parse(ParseMapOptions, input);
  if (map_options.ok()) {
    HOLDS(MakeKrbdLine(RequestWith(*map_options), absl::Seconds(60)).ok());
  }
  const auto unmap_options = Parse(ParseUnmapOptions, input);
  const auto mkfs_options = Parse(ParseMkfsOptions, input);
  if (mkfs_options.ok()) {
    HOLDS(!Contains(*mkfs_options, "  "));
  }
}

}  // namespace rbdcsi::fuzz
