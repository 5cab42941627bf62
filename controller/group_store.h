// The groups of one pool and namespace: the port between the policy (group_snapshotter) and Ceph.
// snapshot_store.h's sibling.
//
// Every method is one step: it reports facts or changes one thing, and decides nothing. Images may
// be in any pool of the cluster, in the same RADOS namespace. Errors are statuses by
// error_tables.h. Blocking; any thread; waits end after the timeouts of ceph_handles.h, but
// CreateSnapshot may wait half a minute longer for a lock whose owner has died.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controller/ceph_handles.h"
#include "controller/group_calls.h"

namespace rbdcsi {

using class_calls::GroupImage;
using class_calls::GroupMember;
using class_calls::GroupSnapshot;

// What a look at a group's name shows.
struct GroupSight {
  bool exists = false;  // as a name; the rest may still be missing, or be gone already
  std::string id;
  absl::Time changed = absl::InfinitePast();  // when its header was last written
  std::vector<GroupImage> images;
  std::vector<GroupSnapshot> snapshots;
};

enum class Joined { kJoined, kInOtherGroup };

class GroupStore {
 public:
  virtual ~GroupStore() = default;

  virtual std::string Spec(std::string_view group) const = 0;  // "pool/group", for messages

  virtual absl::StatusOr<std::vector<std::string>> Names() = 0;  // of all groups
  virtual absl::StatusOr<GroupSight> Look(const std::string& group) = 0;
  virtual absl::StatusOr<std::string> NameOf(const std::string& group_id) = 0;  // empty: none
  virtual absl::StatusOr<std::string> PoolName(int64_t pool) = 0;
  virtual absl::StatusOr<class_calls::GroupRef> GroupOf(int64_t pool,
                                                        const std::string& image_id) = 0;

  virtual absl::Status Create(const std::string& group) = 0;  // OK when it exists
  // By name, which librbd wants here: look at the group's images afterwards.
  virtual absl::StatusOr<Joined> AddImage(const std::string& group, int64_t pool,
                                          const std::string& image) = 0;
  virtual absl::Status RemoveImage(const std::string& group, const GroupSight& sight,
                                   const GroupImage& image) = 0;
  // Of all images in the group, at one point in time of whoever writes to them through the
  // images' exclusive locks: librbd takes all of those locks first. About one second. ABORTED: it
  // exists, or there is no such group any more.
  virtual absl::Status CreateSnapshot(const std::string& group, const GroupSight& sight,
                                      const std::string& snapshot) = 0;
  virtual absl::Status RenameSnapshot(const std::string& group, const std::string& before,
                                      const std::string& after) = 0;
  // With its members' snapshots, as far as they are there.
  virtual absl::Status RemoveSnapshot(const std::string& group, const GroupSight& sight,
                                      const GroupSnapshot& snapshot) = 0;
  virtual absl::Status Remove(const std::string& group) = 0;  // OK when there is none
};

std::unique_ptr<GroupStore> MakeRbdGroupStore(Pool pool);

}  // namespace rbdcsi
