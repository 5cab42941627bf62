// Snapshots, parents and the table of snapshot names, read and written directly: image_header.h's
// sibling.
//
// One function is one compound operation on one object; results are 0 or a negative errno as the
// OSD gave it. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/ceph_handles.h"
#include "controller/snapshot_calls.h"

namespace rbdcsi::snapshot_header {

// One object per pool and namespace: snapshot name -> who has it, as JSON (snapshot_claim.h).
inline constexpr char kNamesObject[] = "rbd-csi.snapshots";

// The newest first, those in the trash namespace included.
int ReadSnapshotIds(Pool& pool, const std::string& image_id, std::vector<uint64_t>* ids);
// All of `ids` in one operation. ENOENT: no header, or one of them was removed meanwhile.
int ReadSnapshots(Pool& pool, const std::string& image_id, const std::vector<uint64_t>& ids,
                  std::vector<class_calls::SnapshotInfo>* snapshots);
int ReadChildren(Pool& pool, const std::string& image_id, uint64_t snapshot,
                 std::vector<class_calls::Child>* children);

// On the clone's header: the parent and the mark of a clone v2. EEXIST: it has a parent.
int AttachParent(Pool& pool, const std::string& image_id, const class_calls::Parent& parent,
                 uint64_t overlap);
// On the parent's header, when it has no such child yet. ENOENT: no such snapshot. EEXIST: known.
int AttachChild(Pool& pool, const std::string& parent_id, uint64_t snapshot,
                const class_calls::Child& child);

// The name that an id has in a directory, of images or of groups. ENOENT: none.
int ReadDirectoryName(Pool& pool, const char* directory, const std::string& id, std::string* name);

// Empty: the name is free.
int ReadClaim(Pool& pool, const std::string& snapshot, std::string* claim);
// From `before` (empty: free) to `after` (empty: free) and nothing else. ECANCELED: it was
// something else.
struct ClaimChange {
  std::string snapshot;
  std::string before;
  std::string after;
};
int ChangeClaim(Pool& pool, const ClaimChange& change);

}  // namespace rbdcsi::snapshot_header
