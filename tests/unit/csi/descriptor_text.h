// An interface as text, one line per fact, so that two of them can be compared by eye and by diff.
// The golden file holds CSI 1.12 in this form.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>

namespace rbdcsi {

std::string DescriptorText(const google::protobuf::FileDescriptor& file);

}  // namespace rbdcsi
