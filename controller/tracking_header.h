// What the header and the object maps of an image say of its changes, read directly:
// snapshot_header.h's sibling.
//
// One function is one operation on one object, but for striped images; results are 0 or a negative
// errno as the OSD gave it, EIO when a reply is not understood. Class "rbd" (ceph: src/cls/rbd).
// Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/ceph_handles.h"
#include "controller/changed_block_store.h"

namespace rbdcsi::tracking_header {

// ENOENT: no header.
int ReadImage(Pool& pool, const std::string& image_id, TrackedImage* image);
// All of `ids` in one operation. ENOENT: no header, or one of them is gone.
int ReadSnapshots(Pool& pool, const std::string& image_id, const std::vector<uint64_t>& ids,
                  std::vector<TrackedSnapshot>* snapshots);
// ENOENT: none.
int ReadMap(Pool& pool, const std::string& image_id, uint64_t snapshot,
            std::optional<ObjectMap>* map);

}  // namespace rbdcsi::tracking_header
