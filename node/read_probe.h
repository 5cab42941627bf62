// Does a device answer? One direct read of 4 KiB, with an end; cheap enough for once a minute.
//
// krbd answers a read of what was never written from the object map, without asking anybody, also
// when its client is fenced (measured). So zeros prove nothing, and an error of a read is always
// EIO: in both cases krbd is made to read the image's header again, which fails with the reason.
// Not otherwise: kernels before 6.6 hold up all I/O of the device meanwhile.
//
// A read that the cluster does not answer stays in the kernel and cannot be killed; so there is
// never more than one for a volume: while it hangs, the next call reports how long it has hung.
// Any thread; calls for one volume wait for each other, at most a few seconds.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "node/device_mapper.h"

namespace rbdcsi {

enum class ReadResult {
  kRead,
  kFailed,    // `error` says how: ESHUTDOWN the client is fenced, ENOENT the image is gone
  kSilent,    // no answer for `time` so far
  kNotTried,  // this node could not ask; `error` says why
};

struct ReadAnswer {
  ReadResult result = ReadResult::kNotTried;
  int error = 0;  // positive errno
  absl::Duration time = absl::ZeroDuration();
};

class ReadProbe {
 public:
  // `key` names the volume.
  ReadAnswer Read(const std::string& key, const MappedDevice& device);

 private:
  struct Pending;
  std::shared_ptr<Pending> Enter(const std::string& key);
  void Leave(const std::string& key);
  absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<Pending>> pending_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rbdcsi
