// What every failing Ceph call means to the caller: operation x errno -> code and advice, as data.
//
// Adapters name an operation and an errno and decide nothing. docs/errors-controller.md is
// printed from AllErrorTables() by a unit test. EPERM and EACCES, ETIMEDOUT, ESHUTDOWN, ENOSPC and
// EDQUOT mean the same everywhere; the rest is each operation's own. Constants; any thread.
#pragma once

#include "absl/types/span.h"
#include "csi/status.h"

namespace rbdcsi {

enum class CephOperation {
  kConnect,
  kOpenPool,
  kLook,
  kCreate,
  kRecord,
  kGuard,
  kWatchers,
  kFence,
  kTrash,
  kRepair,
  kInspect,
  kResize,
  kList,
  kPurge,
  kMonitor,
  kFeatures,
  kNodeTable,
  kSnapshotLook,
  kSnapshotCreate,
  kSnapshotRemove,
  kClone,
  kParent,
  kClaim,
  kMark,
  kFlatten,
  kGroupLook,
  kGroupChange,
  kGroupSnapshotCreate,
  kGroupSnapshotRemove,
};

const ErrnoTable& TableFor(CephOperation operation);

absl::Span<const ErrnoTable> AllErrorTables();  // in the order of CephOperation

}  // namespace rbdcsi
