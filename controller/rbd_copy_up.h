// What a clone still has from its parents becomes its own, object by object: all of flattening but
// its last step.
//
// librbd's own flattening cannot be stopped, keeps snapshots away for as long as it takes
// (snap_lock.h), and skips objects that the object map has although they were never written, left
// by a client that died in a write (Ceph before 19.2.1). Once every object that the parents have
// data for exists, none of this matters. An object is made to exist by writing its first bytes
// again, if they are still the same: the ordinary path of a write to a clone, safe beside any
// writer. Blocking; any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "controller/ceph_handles.h"

namespace rbdcsi {

struct FlattenProgress {
  std::atomic<int> percent = 0;
  std::atomic<bool> stop = false;  // set by whoever wants it to end early
  // Whose objects are copied, and up to where.
  uint64_t objects = 0;
  uint64_t next = 0;
};

// Goes on from `progress.next`. 0: all is copied. A negative errno; EAGAIN: not all until `end`,
// EINTR: stopped. `pool` is the image's.
int CopyUp(Pool& pool, Image& image, absl::Time end, FlattenProgress& progress);

}  // namespace rbdcsi
