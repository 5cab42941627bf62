// Options that the node hands to the kernel and to mkfs: checked against allow-lists where they
// enter, so that a StorageClass cannot leak a key, defeat the fence or reach a shell.
//
// Errors: INVALID_ARGUMENT naming the option and why. Sources: krbd's option table
// (drivers/block/rbd.c, net/ceph/ceph_common.c). Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace rbdcsi {

// "a,b=c" or "krbd:a,b=c;nbd:d" (ceph-csi's spelling); the krbd part comes back.
absl::StatusOr<std::string> ParseMapOptions(std::string_view text);
absl::StatusOr<std::string> ParseUnmapOptions(std::string_view text);
// Words for an argument vector, separated by spaces; no quoting, since there is no shell.
absl::StatusOr<std::string> ParseMkfsOptions(std::string_view text);

}  // namespace rbdcsi
