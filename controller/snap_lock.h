// Copying up for a flattening and making a snapshot of the same image exclude each other, over all
// controllers.
//
// librbd (16.2) leaves out of a snapshot what is copied up while the snapshot is made; flattened,
// the snapshot has left its parent too and reads as zeros there (measured: 1 of 15 with nothing but
// librbd's own calls, nearly each chain of 40 clones). So whoever makes a snapshot, of a group too,
// holds a shared lock on the image's header, and whoever copies up an exclusive one, but never for
// long. Both end by themselves when their holder has died. Blocking; any thread.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "controller/ceph_handles.h"

namespace rbdcsi {

class SnapLock {
 public:
  // Waits for its turn, then holds it until it is destroyed or `lasts` has passed.
  static SnapLock ToSnap(Pool& pool, const std::string& image_id, const std::string& snapshot);
  static SnapLock ToCopyUp(Pool& pool, const std::string& image_id, absl::Duration lasts);
  ~SnapLock();
  SnapLock(const SnapLock&) = delete;
  SnapLock& operator=(const SnapLock&) = delete;

  // 0: held. A negative errno: EBUSY when the other side did not end in time, ENOENT without
  // header.
  int result() const { return result_; }

 private:
  SnapLock(Pool& pool, std::string image_id, std::string cookie, int result)
      : pool_(pool), image_id_(std::move(image_id)), cookie_(std::move(cookie)), result_(result) {}

  Pool& pool_;
  const std::string image_id_;
  const std::string cookie_;
  const int result_;
};

}  // namespace rbdcsi
