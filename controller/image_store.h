// The images of one pool and namespace: the port between the policy (provisioner, attacher, reaper)
// and Ceph.
//
// Every method is one step: it reports facts or changes one thing, and decides nothing. Methods
// that change take ids, not names: a name may belong to another image by the time the step runs.
// Errors are statuses by error_tables.h. Blocking; any thread; waits end after the timeouts of
// ceph_handles.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controller/ceph_handles.h"
#include "controller/class_calls.h"
#include "controller/snapshot_calls.h"
#include "controller/watchers.h"

namespace rbdcsi {

struct ImageSpec {
  uint64_t size_bytes = 0;
  uint64_t features = 0;
  uint8_t order = 22;
  uint64_t stripe_unit = 0;   // 0: the object size
  uint64_t stripe_count = 0;  // 0: 1
  std::string data_pool;      // empty: the pool itself

  friend bool operator==(const ImageSpec&, const ImageSpec&) = default;
};

// What a look at a name shows.
struct Sight {
  enum class State {
    kAbsent,      // no rbd_id object: the name is free, or nearly
    kHeaderless,  // the name has an id, the id has no header: half made or half removed
    kPresent,
  };
  State state = State::kAbsent;
  std::string id;
  absl::Time name_changed;
  // kPresent only:
  absl::Time header_changed;
  uint64_t version = 0;  // of the header; every change but a watch makes it another
  uint64_t size_bytes = 0;
  bool map_invalid = false;     // the object map must be rebuilt before krbd can use the image
  std::string record;           // empty: none
  class_calls::LockInfo guard;  // our attach guard
  std::optional<class_calls::Parent> parent;  // of a clone
  std::vector<Watcher> watchers;              // who has it open or mapped, at the guard's moment
  // kPresent and Detail::kAll only:
  uint64_t features = 0;
  class_calls::LockInfo owner;      // the image's own exclusive lock
  class_calls::LockInfo lost;       // who had it before us; a cookie is an address (lost_locks.h)
  std::vector<uint64_t> snapshots;  // ids, those that only clones still need included
};

// The guard's cookie when no node holds it; neither is a node id. The second one ends by itself.
inline constexpr char kDeleting[] = "deleting";
inline constexpr char kModifying[] = "modifying";
inline bool IsNodeCookie(std::string_view cookie) {
  return cookie != kDeleting && cookie != kModifying;
}

// RBD_FEATURE_* bits to switch.
struct FeatureSwitch {
  uint64_t on = 0;
  uint64_t off = 0;
};

// The volumes that count against a node's limit in this pool and namespace.
struct NodeVolumes {
  std::string generation;                   // changes with every addition
  std::map<std::string, absl::Time> added;  // image id -> when
};

// What an image without a record turns out to be.
struct Inspection {
  bool complete = false;  // every object that an image of its features needs is there
  bool virgin = false;    // no data object, no snapshot, no watcher
  ImageSpec spec;         // as found; data_pool empty when it is the pool itself
};

struct ListedImage {
  std::string name;
  std::string id;
};

struct TrashedImage {
  std::string id;
  std::string name;
  bool by_user = false;  // moved by a person or by us, not by mirroring or migration
  absl::Time deferred_until;
};

// A deleted volume, or what somebody else has thrown away.
bool IsOurs(const TrashedImage& image);

// A guard to take: who (`cookie`) and how (`description`), alone or together with others.
struct GuardRequest {
  class_calls::LockType type = class_calls::LockType::kExclusive;
  std::string cookie;
  std::string description;
  absl::Duration lasts = absl::ZeroDuration();  // zero: until it is released
};

// What one write ends: a guard, and by which locks its node's client is known. Of each lock one
// holder at most: a class call does not see what another one of the same write has changed
// (measured).
struct Detachment {
  std::optional<class_calls::Locker> guard;
  std::optional<class_calls::Locker> owner;  // of Sight::owner
  std::optional<class_calls::Locker> lost;   // of Sight::lost
};

enum class Made { kMade, kExists };
enum class Written { kWritten, kLost };  // kLost: somebody was faster; look again
enum class Taken { kTaken, kHeldByUs, kHeld, kGone };

class ImageStore {
 public:
  virtual ~ImageStore() = default;

  virtual std::string Spec(std::string_view image) const = 0;  // "pool/image", for messages
  virtual uint64_t OwnClient() const = 0;

  virtual absl::StatusOr<Sight> Look(const std::string& image) = 0;
  virtual absl::StatusOr<Sight> LookById(const std::string& id) = 0;  // kAbsent or kPresent
  // Many at a time, in the order of `ids`.
  virtual std::vector<absl::StatusOr<Sight>> LookByIds(const std::vector<std::string>& ids,
                                                       Detail detail) = 0;
  virtual absl::StatusOr<std::string> IdOf(const std::string& image) = 0;  // empty: no such name
  virtual absl::StatusOr<Made> Create(const std::string& image, const ImageSpec& spec) = 0;
  virtual absl::StatusOr<Written> WriteFirstRecord(const std::string& id,
                                                   const std::string& record) = 0;
  // Compare and set of the whole record; empty `before`: there is none.
  virtual absl::StatusOr<Written> ReplaceRecord(const std::string& id, const std::string& before,
                                                const std::string& after) = 0;
  virtual absl::StatusOr<Inspection> Inspect(const std::string& id) = 0;
  // To at least this size, and with an object map that fits.
  virtual absl::Status Resize(const std::string& id, uint64_t size_bytes) = 0;
  // And an object map that is true afterwards, where the image has one. Not for a mapped image.
  virtual absl::Status SwitchFeatures(const std::string& id, const FeatureSwitch& features) = 0;

  virtual absl::StatusOr<Taken> TakeGuard(const std::string& id, const GuardRequest& request) = 0;
  // The claim of an image that has no record; kHeld when it has one by now.
  virtual absl::StatusOr<Taken> ClaimWithoutRecord(const std::string& id,
                                                   const GuardRequest& request) = 0;
  virtual absl::Status BreakGuard(const std::string& id, const class_calls::Locker& locker) = 0;
  // All at one moment. kLost: the header is no longer what was seen, or gone.
  virtual absl::StatusOr<Written> Detach(const Sight& sight, const Detachment& detachment) = 0;
  // Takes a note of Sight::lost back.
  virtual absl::Status ForgetLost(const std::string& id, const class_calls::Locker& lost) = 0;
  virtual absl::StatusOr<std::vector<Watcher>> Watchers(const std::string& id) = 0;
  // Blocklists exactly this client and returns when the OSDs that matter know it.
  virtual absl::Status Fence(const std::string& address, absl::Duration duration) = 0;

  virtual absl::StatusOr<NodeVolumes> VolumesOfNode(const std::string& node) = 0;
  // Now; kLost when something was added since `generation`.
  virtual absl::StatusOr<Written> AddToNode(const std::string& node, const std::string& generation,
                                            const std::string& id) = 0;
  virtual absl::Status RemoveFromNode(const std::string& node,
                                      const std::vector<std::string>& ids) = 0;

  // Both may be repeated at any point, and free the name only at their end. The trash keeps the
  // image for `deferred` at least; a repeat does not move that.
  virtual absl::Status MoveToTrash(const class_calls::NameAndId& image,
                                   absl::Duration deferred) = 0;
  absl::Status MoveToTrash(const class_calls::NameAndId& image) {
    return MoveToTrash(image, absl::ZeroDuration());
  }
  virtual absl::Status ClearHeaderless(const class_calls::NameAndId& image) = 0;
  // The name has no rbd_id; removes an entry of the pool's directory that leads nowhere.
  virtual absl::Status ClearDirectory(const std::string& image) = 0;

  // Images of ours after `after`, in order of their names, no details yet: at most `limit`, and at
  // most what one read gives. None: there are no more.
  virtual absl::StatusOr<std::vector<ListedImage>> Names(const std::string& after,
                                                         size_t limit) = 0;
  virtual absl::StatusOr<std::vector<TrashedImage>> Trash() = 0;
  // What a deletion that died has left to do: frees the name and releases the guard, so that an
  // admin who restores the image gets a volume. One read when there is nothing to do.
  virtual absl::Status FinishTrash(const TrashedImage& image) = 0;
  virtual absl::Status Purge(const TrashedImage& image) = 0;
};

std::unique_ptr<ImageStore> MakeRbdImageStore(Pool pool);

}  // namespace rbdcsi
