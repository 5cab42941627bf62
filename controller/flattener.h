// Flattens marked clones, in the background: the other end of chain.h.
//
// The marks (flatten_marks.h) are the whole state, so another process goes on where one has ended,
// and what was half copied is not copied again. One image at a time; several controllers share the
// marks, and a turn on the image's header lets one of them work on it. A volume may be mounted
// meanwhile: krbd gives the image's lock away and gets it back, writes wait about a second at the
// most and none fails (measured). The earliest mark goes first; images in the trash go last,
// because most of them leave by themselves once their clones are flat.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "controller/reaper.h"
#include "controller/rounds.h"
#include "controller/stores.h"
#include "csi/metrics.h"

namespace rbdcsi {

class Flattener {
 public:
  // `interval` between two looks at the marks; zero: no thread, no flattening.
  Flattener(Stores& stores, Reaper& reaper, Metrics& metrics, absl::Duration interval);
  // Stops after the object in hand. The last step is librbd's and cannot be stopped: when it takes
  // longer than some seconds more it is left behind, by ending the process.
  ~Flattener() = default;
  Flattener(const Flattener&) = delete;
  Flattener& operator=(const Flattener&) = delete;

 private:
  struct Task {
    OpenedPool pool;
    FlattenMark mark;
  };
  enum class Verdict { kFlatten, kFlattenLast, kDrop, kWait };
  enum class Outcome { kFlattened, kDropped, kTrashed, kLeft };

  void Round();
  std::vector<Task> Marked();
  absl::StatusOr<Verdict> Judge(const Task& task);
  Outcome HandleOrLog(const Task& task, bool trashed_too);
  absl::StatusOr<Outcome> Handle(const Task& task, bool trashed_too);
  absl::Status Flatten(const Task& task);
  absl::Status Run(const Task& task);
  void Report(const Task& task, int percent);

  Stores& stores_;
  Reaper& reaper_;
  Metrics::Gauge waiting_;
  Metrics::Gauge progress_;
  Metrics::Counter flattened_;
  Rounds rounds_;  // the last: its thread uses all the rest
};

}  // namespace rbdcsi
