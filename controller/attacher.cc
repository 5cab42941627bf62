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

struct Leaving {
  std::vector<Locker> guards;
  std::set<std::string> clients;  // to fence
  std::vector<Locker> owners;     // of Sight::owner
  std::vector<Locker> lost;       // of Sight::lost
};

// The node's guards, and whoever at its address has the image mapped, or may have: Ceph forgets the
// watch of a client that is silent for 30 s, but not its lock, nor our note of it.
Leaving WhatLeaves(const ImageStore& store, const Sight& sight, const std::string& node_id) {
  Leaving leaving;
  std::set<std::string> ips;
  for (const Locker& locker : sight.guard.lockers) {
    if (!IsNodeCookie(locker.cookie) || (!node_id.empty() && !IsSameNode(locker.cookie, node_id))) {
      continue;
    }
    leaving.guards.push_back(locker);
    if (const auto node = NodeId::Parse(locker.cookie); node.has_value()) {
      ips.insert(node->address);
    }
  }
  const auto leaves = [&](const std::string& address) {
    return std::any_of(ips.begin(), ips.end(),
                       [&](const std::string& ip) { return IsAtAddress(address, ip); });
  };
  for (const Watcher& watcher : sight.watchers) {
    if (watcher.client != store.OwnClient() && leaves(watcher.address)) {
      leaving.clients.insert(watcher.address);
    }
  }
  for (const Locker& owner : sight.owner.lockers) {
    if (owner.client != store.OwnClient() && leaves(owner.address)) {
      leaving.clients.insert(owner.address);
      // Once it is fenced, this saves the next owner the monitor round of fencing it again.
      leaving.owners.push_back(owner);
    }
  }
  for (const Locker& note : sight.lost.lockers) {
    if (leaves(note.cookie)) {
      leaving.clients.insert(note.cookie);
      leaving.lost.push_back(note);
    }
  }
  return leaving;
}

// What the next write takes; a guard comes with the last of its notes.
Detachment NextOf(const Leaving& leaving) {
  const auto first = [](const std::vector<Locker>& lockers) {
    return lockers.empty() ? std::nullopt : std::optional<Locker>(lockers.front());
  };
  return {.guard = leaving.lost.size() > 1 ? std::nullopt : first(leaving.guards),
          .owner = first(leaving.owners),
          .lost = first(leaving.lost)};
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

// What was seen may be over by the time the clients are fenced: another controller may have
// detached the node and attached it again, and somebody new may write. So the guard goes only while
// the header is what was seen; otherwise it is looked at again.
absl::Status Attacher::Unpublish(ImageStore& store, const std::string& image,
                                 const std::string& node_id) {
  std::set<std::string> fenced;
  for (int lost = 0; lost < kRounds;) {
    ASSIGN_OR_RETURN(const Sight sight, store.Look(image));
    const Leaving leaving = WhatLeaves(store, sight, node_id);
    if (leaving.guards.empty()) {
      return absl::OkStatus();
    }
    for (const std::string& client : leaving.clients) {
      if (!fenced.insert(client).second) {
        continue;
      }
      spdlog::warn("fencing client {}: its node is detached from {} and Ceph has not seen it unmap",
                   client, store.Spec(absl::StrCat("(id ", sight.id, ")")));
      RETURN_IF_ERROR(store.Fence(client, fence_duration_));
    }
    const Detachment next = NextOf(leaving);
    ASSIGN_OR_RETURN(const Written written, store.Detach(sight, next));
    if (written == Written::kLost) {
      ++lost;
      continue;
    }
    if (!next.guard.has_value()) {
      continue;
    }
    if (const auto node = NodeId::Parse(next.guard->cookie); node.has_value()) {
      RETURN_IF_ERROR(LeavePlace(store, *node, sight.id));
    }
    if (leaving.guards.size() == 1) {
      return absl::OkStatus();
    }
  }
  return absl::AbortedError(absl::StrCat("detach volume ", store.Spec(image),
                                         ": its header keeps changing (call again)"));
}

}  // namespace rbdcsi
