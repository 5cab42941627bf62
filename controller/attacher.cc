#include "controller/attacher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "controller/attach_limit.h"
#include "controller/client_address.h"
#include "controller/feature_switch.h"
#include "controller/image_features.h"
#include "controller/provisioner.h"
#include "controller/volume_record.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

using class_calls::Locker;
using class_calls::LockType;

constexpr int kRounds = 6;

bool IsWriter(const Locker& locker) { return absl::EndsWith(locker.description, " rw"); }

absl::Status HeldElsewhere(const Locker& holder) {
  return absl::FailedPreconditionError(absl::StrCat(
      "it is attached to node ", holder.cookie, " as ", holder.description, " (detach it there)"));
}

absl::Status CheckHolder(const Locker& holder, LockType held, const Attachment& wanted) {
  const AccessMode mode = wanted.capability.mode;
  if (!IsMultiNode(mode) || held == LockType::kExclusive) {
    return HeldElsewhere(holder);
  }
  // The only multi-node mode with a rule between nodes.
  const bool single_writer = mode == AccessMode::kMultiNodeSingleWriter;
  return single_writer && !wanted.read_only && IsWriter(holder) ? HeldElsewhere(holder)
                                                                : absl::OkStatus();
}

bool Reads(const Attachment& wanted) {
  return wanted.read_only || IsReadOnly(wanted.capability.mode);
}

// A client that froze is fenced by its watch, which Ceph forgets after 30 s, or by its lock, which
// stays. Without the feature there is no lock, and such a client would write when it wakes up.
bool NeedsLock(const Sight& sight, const Attachment& wanted) {
  return (sight.features & kFeatureExclusiveLock) == 0 && !Reads(wanted) &&
         wanted.capability.mode != AccessMode::kMultiNodeMultiWriter;
}

absl::StatusOr<bool> SwitchLockOn(ImageStore& store, const Sight& sight) {
  const auto switched = SwitchFeatures(store, sight, {.on = kFeatureExclusiveLock});
  if (!switched.ok()) {
    return Annotate(switched.status(),
                    "a single writer needs the image feature exclusive-lock, switched on while "
                    "nobody has the image");
  }
  return switched;
}

}  // namespace

std::string Describe(const Attachment& attachment) {
  return absl::StrCat(ToString(attachment.capability.mode), " ",
                      ToString(attachment.capability.type), Reads(attachment) ? " ro" : " rw");
}

std::vector<std::string> PublishedNodes(const Sight& sight) {
  std::set<std::string> nodes;  // two controllers may have locked for one node
  for (const Locker& locker : sight.guard.lockers) {
    if (IsNodeCookie(locker.cookie)) {
      nodes.insert(locker.cookie);
    }
  }
  return {nodes.begin(), nodes.end()};
}

absl::StatusOr<PublishStep> DecidePublish(const Sight& sight, const Attachment& wanted) {
  if (IsBeingDeleted(sight)) {
    return absl::NotFoundError("the volume is being deleted");
  }
  if (!IsVolume(sight, wanted.image)) {
    return absl::NotFoundError("no such volume");
  }
  RETURN_IF_ERROR(CheckNotModified(sight));
  const std::string cookie = wanted.node.ToString();
  for (const Locker& holder : sight.guard.lockers) {
    if (!IsSameNode(holder.cookie, cookie)) {
      RETURN_IF_ERROR(CheckHolder(holder, sight.guard.type, wanted));
    } else if (holder.description == Describe(wanted)) {
      return PublishStep::kAttached;
    } else {
      return absl::AlreadyExistsError(absl::StrCat(
          "it is attached to this node as ", holder.description, ", asked for ", Describe(wanted)));
    }
  }
  return PublishStep::kTake;
}

bool MayReplayJournal(const ImageStore& store, const Sight& before, const Attachment& wanted) {
  const auto record = VolumeRecord::FromJson(before.record);
  return Reads(wanted) && wanted.capability.type == AccessType::kMount && record.has_value() &&
         !record->name.empty() && OtherClients(store, before).empty() &&
         std::none_of(before.guard.lockers.begin(), before.guard.lockers.end(), IsWriter);
}

absl::StatusOr<Sight> Attacher::Publish(ImageStore& store, const Attachment& wanted) {
  const std::string what = absl::StrCat("attach volume ", store.Spec(wanted.image));
  const GuardRequest guard = {
      .type = IsMultiNode(wanted.capability.mode) ? LockType::kShared : LockType::kExclusive,
      .cookie = wanted.node.ToString(),
      .description = Describe(wanted)};
  std::string placed;  // the id of the image for which the node's place is taken
  for (int round = 0; round < kRounds; ++round) {
    ASSIGN_OR_RETURN(Sight sight, store.Look(wanted.image));
    const auto step = DecidePublish(sight, wanted);
    if (!step.ok()) {
      if (!placed.empty()) {
        RETURN_IF_ERROR(LeavePlace(store, wanted.node, placed));
      }
      return Annotate(step.status(), what);
    }
    if (*step == PublishStep::kAttached) {
      return sight;
    }
    if (NeedsLock(sight, wanted)) {
      RETURN_IF_ERROR(Annotate(SwitchLockOn(store, sight).status(), what));
      continue;
    }
    RETURN_IF_ERROR(Annotate(TakePlace(store, wanted.node, sight.id), what));
    placed = sight.id;
    ASSIGN_OR_RETURN(const Taken taken, store.TakeGuard(sight.id, guard));
    if (taken == Taken::kTaken) {
      return sight;
    }
  }
  return absl::AbortedError(
      absl::StrCat(what, ": other controllers keep changing its guard (call again)"));
}

// Whoever at that address has the image mapped, or may have: Ceph forgets the watch of a client
// that is silent for 30 s, but not its lock, nor our note of it.
absl::Status Attacher::FenceAll(ImageStore& store, const Sight& sight, const std::string& ip) {
  std::set<std::string> clients;
  for (const Watcher& watcher : sight.watchers) {
    if (watcher.client != store.OwnClient() && IsAtAddress(watcher.address, ip)) {
      clients.insert(watcher.address);
    }
  }
  std::vector<Locker> owners;
  for (const Locker& owner : sight.owner.lockers) {
    if (owner.client != store.OwnClient() && IsAtAddress(owner.address, ip)) {
      clients.insert(owner.address);
      owners.push_back(owner);
    }
  }
  std::vector<Locker> lost;
  for (const Locker& note : sight.lost.lockers) {
    if (IsAtAddress(note.cookie, ip)) {
      clients.insert(note.cookie);
      lost.push_back(note);
    }
  }
  for (const std::string& client : clients) {
    spdlog::warn("fencing client {}: its node is detached from {} and Ceph has not seen it unmap",
                 client, store.Spec(absl::StrCat("(id ", sight.id, ")")));
    RETURN_IF_ERROR(store.Fence(client, fence_duration_));
  }
  // Safe now, and it saves the next owner the monitor round of fencing this one again.
  for (const Locker& owner : owners) {
    RETURN_IF_ERROR(store.BreakLock(sight.id, ClientLock::kOwner, owner));
  }
  for (const Locker& note : lost) {
    RETURN_IF_ERROR(store.BreakLock(sight.id, ClientLock::kLost, note));
  }
  return absl::OkStatus();
}

absl::Status Attacher::Unpublish(ImageStore& store, const std::string& image,
                                 const std::string& node_id) {
  ASSIGN_OR_RETURN(const Sight sight, store.Look(image));
  std::vector<Locker> held;
  for (const Locker& locker : sight.guard.lockers) {
    if (IsNodeCookie(locker.cookie) && (node_id.empty() || IsSameNode(locker.cookie, node_id))) {
      held.push_back(locker);
    }
  }
  if (held.empty()) {
    return absl::OkStatus();
  }
  for (const Locker& locker : held) {
    const auto node = NodeId::Parse(locker.cookie);
    if (node.has_value()) {
      RETURN_IF_ERROR(FenceAll(store, sight, node->address));
    }
    RETURN_IF_ERROR(store.BreakGuard(sight.id, locker));
    if (node.has_value()) {
      RETURN_IF_ERROR(LeavePlace(store, *node, sight.id));
    }
  }
  return absl::OkStatus();
}

}  // namespace rbdcsi
