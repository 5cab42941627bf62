// What a clone still has from its parents becomes its own, object by object: all of flattening but
// its last step.
//
// librbd's own flattening cannot be stopped, skips objects that the object map has although they
// were never written (left by a client that died in a write; Ceph before 19.2.1), and loses data in
// a snapshot that is taken meanwhile (16.2; measured, docs/operations.md). Once every object that
// the parents have data for exists, none of this can happen to it. An object is made to exist by
// writing its first bytes again, if they are still the same: the ordinary path of a write to a
// clone, safe beside any writer. Blocking; any thread.
#pragma once

#include <atomic>

#include "controller/ceph_handles.h"

namespace rbdcsi {

struct FlattenProgress {
  std::atomic<int> percent = 0;
  std::atomic<bool> stop = false;  // set by whoever wants it to end early
};

// 0 or a negative errno; EINTR: stopped. `pool` is the image's.
int CopyUp(Pool& pool, Image& image, FlattenProgress& progress);

}  // namespace rbdcsi
