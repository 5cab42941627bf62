// Which errno of which operation of the node means what to the caller, as data: one table per
// operation. docs/errors-node.md is printed from NodeErrnoTables(). An errno without a row is
// UNAVAILABLE. Any thread.
#pragma once

#include <vector>

#include "csi/status.h"

namespace rbdcsi {

extern const ErrnoTable kMapErrors;
extern const ErrnoTable kUnmapErrors;
extern const ErrnoTable kOpenDeviceErrors;
extern const ErrnoTable kReadDeviceErrors;
extern const ErrnoTable kMountErrors;
extern const ErrnoTable kUnmountErrors;
extern const ErrnoTable kPublishErrors;
extern const ErrnoTable kRemoveTargetErrors;
extern const ErrnoTable kGrowErrors;
extern const ErrnoTable kOpenPathErrors;
extern const ErrnoTable kIoControllerErrors;
extern const ErrnoTable kIoLimitErrors;

// All of the above.
std::vector<const ErrnoTable*> NodeErrnoTables();

}  // namespace rbdcsi
