// What the services of this folder share: from and to CSI's messages. Pure; any thread.
#pragma once

#include <google/protobuf/map.h>

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "controller/image_store.h"
#include "controller/parameters.h"
#include "controller/snapshotter.h"
#include "controller/stores.h"
#include "csi.pb.h"
#include "csi/volume_id.h"

namespace rbdcsi {

ParameterMap ToMap(const google::protobuf::Map<std::string, std::string>& map);

absl::Status Missing(const char* field);         // INVALID_ARGUMENT
absl::Status NoVolume(const std::string& id);    // NOT_FOUND
absl::Status NoSnapshot(const std::string& id);  // NOT_FOUND
Place PlaceOf(const VolumeId& id);
VolumeId IdIn(const Place& place, const std::string& image);

// A found snapshot of that place. It is ready as soon as it is cut: nothing has to be copied.
// `group_id`: the group snapshot that it is a member of, if any.
void FillSnapshot(const Place& place, const FoundSnapshot& found, const std::string& group_id,
                  csi::v1::Snapshot* message);
void FillTime(absl::Time time, google::protobuf::Timestamp* message);

}  // namespace rbdcsi
