// What every failing Ceph call means to the caller: operation x errno -> code and advice, as data.
//
// Adapters name a table and an errno (csi/status.h StatusFor) and decide nothing. docs/errors.md is
// printed from AllErrorTables() by a unit test. EPERM and EACCES, ETIMEDOUT, ESHUTDOWN, ENOSPC and
// EDQUOT mean the same everywhere; the rest is each operation's own. Constants; any thread.
#pragma once

#include <string>

#include "absl/types/span.h"
#include "csi/status.h"

namespace rbdcsi {

extern const ErrnoTable kConnectErrors;
extern const ErrnoTable kOpenPoolErrors;
extern const ErrnoTable kLookErrors;
extern const ErrnoTable kCreateErrors;
extern const ErrnoTable kRecordErrors;
extern const ErrnoTable kGuardErrors;
extern const ErrnoTable kWatchersErrors;
extern const ErrnoTable kFenceErrors;
extern const ErrnoTable kTrashErrors;
extern const ErrnoTable kRepairErrors;
extern const ErrnoTable kInspectErrors;
extern const ErrnoTable kResizeErrors;
extern const ErrnoTable kListErrors;
extern const ErrnoTable kPurgeErrors;
extern const ErrnoTable kMonitorErrors;

absl::Span<const ErrnoTable* const> AllErrorTables();

// docs/errors.md: one section per operation, one row per errno.
std::string ErrorTablesAsMarkdown();

}  // namespace rbdcsi
