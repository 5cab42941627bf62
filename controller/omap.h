// Keys and values of one object's omap: read in pages, written by compare and set.
//
// The driver's own tables (names of snapshots, volumes of a node, clones to be flattened) and the
// pool's directory are such objects. The OSD takes a missing key for an empty one when it compares
// (measured, tests/live). Results are 0 or a negative errno. Any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/ceph_handles.h"

namespace rbdcsi::omap {

inline constexpr size_t kMostPerRead = 1000;  // an OSD gives no more than 1024 by default

struct Range {
  std::string prefix;  // of the keys wanted
  std::string after;   // the key before the first; empty: from the beginning
  size_t limit = kMostPerRead;
};
using Found = std::function<void(std::string_view key, std::string_view value)>;

// Calls `found` in order of keys; `more` says whether some are left. ENOENT: no such object.
int ReadPage(Pool& pool, const std::string& object, const Range& range, const Found& found,
             bool* more);
// All of them. 0 also when there is no such object.
int ReadAll(Pool& pool, const std::string& object, const Found& found);
// Empty: no such key, or no such object.
int ReadValue(Pool& pool, const std::string& object, const std::string& key, std::string* value);

// Parts of a write. ECANCELED when the value is another one; empty: when there is one.
void OnlyIf(WriteOp& op, std::string_view key, std::string_view value);
void Set(WriteOp& op, std::string_view key, std::string_view value);
void Remove(WriteOp& op, const std::vector<std::string>& keys);

}  // namespace rbdcsi::omap
