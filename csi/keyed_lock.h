// One lock per key (a volume's image, a snapshot, a group), never blocking.
//
// A second call for a busy key is answered ABORTED at once, naming the holder, its age and its
// step; the caller comes back (CSI spec, "concurrency"). Try-only locks cannot deadlock, also when
// a call needs two keys. Any thread. It orders the calls of this process only: between processes
// Ceph decides (the image name, the attach guard) or the kernel does.
#pragma once

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "csi/call.h"

namespace rbdcsi {

class KeyedLock {
 public:
  // Holds a key until it is destroyed.
  class Guard {
   public:
    Guard(Guard&& other) noexcept;
    Guard& operator=(Guard&&) = delete;
    ~Guard();

   private:
    friend class KeyedLock;
    Guard(KeyedLock* lock, std::string key) : lock_(lock), key_(std::move(key)) {}
    KeyedLock* lock_;
    std::string key_;
  };

  // ABORTED "volume KEY is busy: CreateVolume 4f2a has held it for 3 s, at step \"map device\"".
  // `call` must outlive the guard.
  absl::StatusOr<Guard> TryAcquire(const std::string& key, const Call& call);

 private:
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, const Call*> holders_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rbdcsi
