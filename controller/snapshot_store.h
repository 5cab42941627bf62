// The snapshots of one pool and namespace, and clones of them: the port between the policy
// (snapshotter, cloner, reaper, flattener) and Ceph. image_store.h's sibling.
//
// Every method is one step: it reports facts or changes one thing, and decides nothing. Images go
// by id, so all of this works as well on an image in the trash. Errors are statuses by
// error_tables.h. Blocking; any thread; waits end after the timeouts of ceph_handles.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/ceph_handles.h"
#include "controller/flatten_marks.h"
#include "controller/image_store.h"
#include "controller/rbd_copy_up.h"
#include "controller/snapshot_calls.h"

namespace rbdcsi {

using class_calls::SnapshotInfo;
using class_calls::SnapshotNamespace;

// Where an image is, in its cluster.
using ImageAddress = class_calls::Child;

// A snapshot by the ids that never change.
struct SnapshotRef {
  std::string image_id;
  uint64_t snapshot = 0;
};

class SnapshotStore {
 public:
  virtual ~SnapshotStore() = default;

  virtual std::string Spec(std::string_view image) const = 0;  // "pool/image", for messages
  virtual int64_t PoolId() const = 0;
  virtual const std::string& RadosNamespace() const = 0;

  // As Sight::snapshots has them. NOT_FOUND: no such image.
  virtual absl::StatusOr<std::vector<uint64_t>> SnapshotIds(const std::string& image_id) = 0;
  // The snapshots of an image by `ids` (Sight::snapshots), one read for all; those that were
  // removed since are left out.
  virtual absl::StatusOr<std::vector<SnapshotInfo>> Snapshots(const std::string& image_id,
                                                              const std::vector<uint64_t>& ids) = 0;
  // By the pool's directory; empty: no image of this id, or one in the trash.
  virtual absl::StatusOr<std::string> ImageName(const std::string& image_id) = 0;
  // In the "user" namespace. About one second: a round of the monitors. OK when it exists.
  virtual absl::Status Create(const std::string& image_id, const std::string& snapshot) = 0;
  // Of the "user" namespace, by name. With clones it goes to the "trash" namespace at once and
  // leaves with the last of them. OK when there is none.
  virtual absl::Status Remove(const std::string& image_id, const std::string& snapshot) = 0;

  // Of any namespace, without clones. OK when there is none.
  virtual absl::Status RemoveById(const std::string& image_id, const SnapshotInfo& snapshot) = 0;
  // Removes a member of a group snapshot of which its group knows nothing; false: it knows it. The
  // group notes a snapshot before its members are taken and forgets it after they are gone
  // (librbd), so such a member is one that Ceph took after the call had given up and cleared away.
  virtual absl::StatusOr<bool> RemoveStray(const std::string& image_id,
                                           const SnapshotInfo& member) = 0;

  // Makes the blank image `child_id` of this pool a clone of the snapshot; each half may have been
  // done before. FAILED_PRECONDITION: it has another parent.
  virtual absl::Status AttachParent(const std::string& child_id, const class_calls::Parent& parent,
                                    uint64_t overlap_bytes) = 0;
  // On the parent's side; `parent` is of this pool. NOT_FOUND: the snapshot is gone.
  virtual absl::Status AttachChild(const SnapshotRef& parent, const class_calls::Child& child) = 0;
  virtual absl::StatusOr<std::vector<class_calls::Child>> Children(const SnapshotRef& parent) = 0;

  // Who has a snapshot's name in this pool and namespace (snapshot_claim.h); empty: nobody.
  virtual absl::StatusOr<std::string> Claim(const std::string& snapshot) = 0;
  // Compare and set; empty stands for "nobody".
  virtual absl::StatusOr<Written> ChangeClaim(const std::string& snapshot,
                                              const std::string& before,
                                              const std::string& after) = 0;

  // Of an image anywhere in the cluster; nullopt: it is no clone. NOT_FOUND: no such image.
  virtual absl::StatusOr<std::optional<class_calls::Parent>> ParentOf(
      const ImageAddress& image) = 0;
  // Marks an image anywhere in the cluster for flattening (flatten_marks.h). A mark for another
  // reason than the chain's takes the place of one that is there.
  virtual absl::Status Mark(const ImageAddress& image, FlattenMark::Why why, absl::Time since) = 0;
  virtual absl::StatusOr<std::optional<FlattenMark>> MarkOf(const ImageAddress& image) = 0;
  // Those of this pool and namespace, the earliest first.
  virtual absl::StatusOr<std::vector<FlattenMark>> Marks() = 0;
  virtual absl::Status ReplaceMark(const FlattenMark& mark) = 0;
  virtual absl::Status Unmark(const std::string& image_id) = 0;

  // A turn at flattening an image; it ends by itself half a minute after it was last taken.
  virtual absl::StatusOr<Taken> TakeFlattenTurn(const std::string& image_id) = 0;
  virtual absl::Status EndFlattenTurn(const std::string& image_id) = 0;
  // Copies what the image still has from its parents, then leaves them. As long as it takes, or
  // until it is told to stop: CANCELLED. OK when there is no parent.
  virtual absl::Status Flatten(const std::string& image_id, FlattenProgress* progress) = 0;
};

// Both ports of one pool and namespace.
struct PoolStores {
  ImageStore& images;
  SnapshotStore& snapshots;
};

std::unique_ptr<SnapshotStore> MakeRbdSnapshotStore(Pool pool);

}  // namespace rbdcsi
