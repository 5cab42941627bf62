// One writable handle per image at a time in this process.
//
// librbd (16.2.15) ends the process when two handles of one image meet. The one that owns the
// image's lock carries out what the other asks for (a snapshot, a resize), and then notifies every
// watcher. If it is closed before they have all answered, it forgets that it has yet to tell the
// other: "FAILED ceph_assert(m_pending_ops == 0)" in ~AsyncOpTracker, of ~ImageWatcher (measured:
// four copies at once of a volume that the kernel has mapped, within seconds). Waiting for one
// another is also faster than asking one another. Against other programs an Image releases the lock
// before it closes; the turn also covers the parents that librbd opens by itself.
//
// Blocking; any thread. A SnapLock (controller/snap_lock.h) is taken later than the turn of its
// image, never before.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "controller/error_tables.h"

namespace rbdcsi {

class Pool;

class ImageTurns {
 public:
  // Lasts until it is destroyed.
  class Turn {
   public:
    Turn(Turn&& other) noexcept
        : turns_(std::exchange(other.turns_, nullptr)), images_(std::move(other.images_)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn();

   private:
    friend class ImageTurns;
    Turn(ImageTurns* turns, std::vector<std::string> images)
        : turns_(turns), images_(std::move(images)) {}
    ImageTurns* turns_;
    std::vector<std::string> images_;
  };

  // Waits until it has all of them at once, without a limit of its own, as librbd does: a call has
  // been answered by then (ADR 10). `images`: as SpecById spells them.
  Turn Take(std::vector<std::string> images);

 private:
  absl::Mutex mutex_;
  absl::flat_hash_set<std::string> taken_ ABSL_GUARDED_BY(mutex_);
};

// For what opens the image to change it.
ImageTurns::Turn TakeTurn(Pool& pool, const std::string& image_id);

// For what may take a clone's parent from it: librbd opens that one too, and removes the snapshot
// that was kept for the clone alone. One read.
absl::StatusOr<ImageTurns::Turn> TakeTurnWithParent(Pool& pool, const std::string& image_id,
                                                    CephOperation operation);

}  // namespace rbdcsi
