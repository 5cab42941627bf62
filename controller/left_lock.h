// An image's own lock that a handle of this very process has left behind.
//
// librbd takes the lock with a request that librados gives up after rados_osd_op_timeout; an OSD
// that was silent for longer carries it out when it is back, for a handle that has been closed
// meanwhile. librbd takes a dead client's lock away and blocklists the client, but never itself:
// from then on each operation that needs the lock ends with EROFS, for as long as this process
// lives (measured, 16.2: found by the fault test of an OSD that falls silent). Blocking; any
// thread.
#pragma once

#include <string>

#include "controller/ceph_handles.h"
#include "controller/class_calls.h"

namespace rbdcsi::left_lock {

// `owner` is a client of this process. A handle that is open watches the header under the number
// that is in the lock's cookie; the lock of one that does not is taken away. One read, and one
// write when it is. 0, also when it is not, or a negative errno.
int Clear(Pool& pool, const std::string& image_id, const class_calls::Locker& owner);

}  // namespace rbdcsi::left_lock
