// ControllerPublish and ControllerUnpublish: the attach guard and the fence.
//
// The guard is an object lock named rbd-csi.attach on the image's header: exclusive for single-node
// modes, shared for multi-node ones with one locker per node. Its cookie is the node id, its
// description the mode, so that any controller can tell a repeat from a contradiction. Releasing
// the guard of a node that still maps the image fences that one kernel client first: two nodes
// never write one single-writer volume, whatever was forgotten. Clients at other addresses, and
// this process's own, are never fenced. Blocking; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controller/image_store.h"
#include "csi/capability.h"
#include "csi/node_id.h"

namespace rbdcsi {

struct Attachment {
  std::string image;
  NodeId node;
  Capability capability;
  bool read_only = false;
};

// "SINGLE_NODE_WRITER mount rw": what the guard's description holds.
std::string Describe(const Attachment& attachment);

enum class PublishStep { kTake, kAttached };
// ALREADY_EXISTS: attached to this node in another way. FAILED_PRECONDITION: another node has it.
absl::StatusOr<PublishStep> DecidePublish(const Sight& sight, const Attachment& wanted);

// The node ids of a guard: who has the volume.
std::vector<std::string> PublishedNodes(const Sight& sight);

// True for a reader of a volume of ours that nobody else has open and no writer is attached to, by
// the look `before` its guard was taken: then its node may replay the journal of a file system that
// was snapshotted while it was mounted. Not for static volumes, which may have writers elsewhere.
bool MayReplayJournal(const ImageStore& store, const Sight& before, const Attachment& wanted);

class Attacher {
 public:
  explicit Attacher(absl::Duration fence_duration) : fence_duration_(fence_duration) {}

  // What the volume looked like when it was attached.
  absl::StatusOr<Sight> Publish(ImageStore& store, const Attachment& wanted);
  // Empty `node_id`: from all nodes.
  absl::Status Unpublish(ImageStore& store, const std::string& image, const std::string& node_id);

 private:
  absl::Duration fence_duration_;
};

}  // namespace rbdcsi
