// Requests as they may be logged: one line of text without secrets.
//
// Fields with the option (csi_secret) lose their values by reflection, so a field added to the spec
// is covered without a list of ours. mount_flags may be sensitive too (spec), and so may the values
// of volume_context: keys stay, values go.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace rbdcsi {

// Short text of `message`, at most `max_bytes`, with "***" for what must not be shown. Any thread.
std::string Redacted(const google::protobuf::Message& message, size_t max_bytes = 2048);

}  // namespace rbdcsi
