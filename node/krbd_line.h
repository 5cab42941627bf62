// The line that krbd takes to map an image (Documentation/ABI/testing/sysfs-bus-rbd, options in
// drivers/block/rbd.c and net/ceph/ceph_common.c), and the two things we read back from it in a
// device's config_info: whose device it is, and with which options it was mapped.
//
//   192.0.2.1:3300 name=node,key=rbd-csi/CLUSTER/node,noshare,...,_pool_ns=NS pool image -
//
// The key's name carries the clusterID, so config_info says which volume the device is; a device
// mapped by anybody else has no such key. Pure; any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "csi/volume_id.h"
#include "node/device_mapper.h"

namespace rbdcsi {

// "rbd-csi/<clusterID>/<user>", with what the option parser would take for a separator escaped.
std::string KeyDescription(absl::string_view cluster, absl::string_view user);

// What comes before the user: the mark of our devices of that cluster.
std::string KeyMark(absl::string_view cluster);

struct KrbdLine {
  std::string text;           // without a newline
  bool lock_on_read = false;  // added by us: an image without exclusive-lock is EINVAL with it
};

// FAILED_PRECONDITION: a name that the kernel's line cannot hold (spaces). INVALID_ARGUMENT: a map
// option that is not allowed: `exclusive` makes the controller's snapshots and resizes fail,
// `share` would let a fence of one volume hit another, keys and names are ours.
absl::StatusOr<KrbdLine> MakeKrbdLine(const MapRequest& request, absl::Duration timeout);

// The same line without lock_on_read.
std::string WithoutLockOnRead(const KrbdLine& line);

// True when the device that shows `config_info` was mapped by this driver for that cluster.
bool IsOurs(absl::string_view config_info, absl::string_view cluster);

// True when the line has this option, a word without a value.
bool HasMapOption(absl::string_view line, absl::string_view option);

// The option of MapRequest::exclusive.
inline constexpr absl::string_view kExclusive = "exclusive";

// True when both were mapped with the same options; monitors may differ, and so may lock_on_read,
// which depends on the image.
bool SameOptions(absl::string_view config_info, absl::string_view line);

}  // namespace rbdcsi
