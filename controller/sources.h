// The content source of CreateVolume: from the ids in the request to what can be cloned.
//
// Blocking; any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "controller/cloner.h"
#include "controller/stores.h"
#include "csi/volume_id.h"

namespace rbdcsi {

// Exactly one of both, as the request has it.
struct SourceName {
  std::string snapshot_id;
  std::string volume_id;
};

// `child` is the volume to be made. NOT_FOUND: there is no such source. INVALID_ARGUMENT: it is in
// another cluster. ABORTED, RESOURCE_EXHAUSTED: chain.h.
absl::StatusOr<CloneSource> FindSource(Stores& stores, const SourceName& name,
                                       const VolumeId& child, const Secrets* secrets);

}  // namespace rbdcsi
