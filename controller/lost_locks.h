// The clients that this driver has taken an image's own lock from.
//
// A client that froze must be fenced when its node is detached, and its address is known from its
// watch, which Ceph forgets after 30 s, or from the image's lock, which stays. An operation of ours
// (a resize, a snapshot, flattening) takes that lock from the kernel, and the kernel takes it back
// with its next I/O only (measured, Linux 6.1): an idle client that freezes in between would be
// known from nowhere. So whoever opens an image for such an operation first notes the lock's owner
// on the header: as a holder of the shared lock `rbd-csi.lost`, with its address for a cookie. The
// note goes with the detach, or when the client is seen to have its lock back. Blocking; any
// thread.
#pragma once

#include <string>

#include "controller/ceph_handles.h"

namespace rbdcsi::lost_locks {

inline constexpr char kLock[] = "rbd-csi.lost";

// One read; one write when a node that has the volume owns the lock and is not noted yet. If the
// owner is this very process, see controller/left_lock.h. 0, also without header, or a negative
// errno.
int Note(Pool& pool, const std::string& image_id);

}  // namespace rbdcsi::lost_locks
