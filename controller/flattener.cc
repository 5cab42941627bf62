#include "controller/flattener.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "controller/chain.h"
#include "controller/provisioner.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(200);
constexpr absl::Duration kReport = absl::Seconds(10);  // well within a turn
// How long the end of the process waits for the image in hand.
constexpr absl::Duration kPatience = absl::Seconds(5);
// An image without a record for so long is not one of ours that is being made.
constexpr absl::Duration kForeign = absl::Hours(1);

std::string Name(const SnapshotStore& store, const FlattenMark& mark) {
  return store.Spec("(id " + mark.image_id + ")");
}

ImageAddress AddressOf(const SnapshotStore& store, const std::string& image_id) {
  return {.pool = store.PoolId(), .rados_namespace = store.RadosNamespace(), .image_id = image_id};
}

// As safe as a kill, which a flattening survives like every call does; nothing may be destroyed
// that librbd still works on.
[[noreturn]] void LeaveBehind(const std::string& image, int percent) {
  spdlog::warn("flattener: stopping without waiting for {}, {} % done; it goes on after a restart",
               image, percent);
  spdlog::default_logger()->flush();
  _exit(0);
}

}  // namespace

Flattener::Flattener(Stores& stores, Reaper& reaper, Metrics& metrics, absl::Duration interval)
    : stores_(stores),
      reaper_(reaper),
      waiting_(metrics.AddGauge("rbd_csi_flatten_images_waiting",
                                "Clones that are marked for flattening, the one in hand included")),
      progress_(
          metrics.AddGauge("rbd_csi_flatten_progress_ratio",
                           "How far the clone in hand is, from 0 to 1; 0 when there is none")),
      flattened_(metrics.AddCounter("rbd_csi_flatten_images_total",
                                    "Clones that this controller has flattened")),
      rounds_({.interval = interval, .settle = absl::ZeroDuration()}) {
  rounds_.Start([this] { Round(); });
}

std::vector<Flattener::Task> Flattener::Marked() {
  std::vector<Task> tasks;
  ForEachPlace(stores_, "flattener", [&](const Place& place) {
    const auto pool = stores_.OpenBoth(place, nullptr);
    auto marks = pool.ok() ? pool->snapshots->Marks() : pool.status();
    if (!marks.ok()) {
      spdlog::warn("flattener: {}", std::string(marks.status().message()));
      return;
    }
    for (FlattenMark& mark : *marks) {
      tasks.push_back({.pool = *pool, .mark = std::move(mark)});
    }
  });
  std::stable_sort(tasks.begin(), tasks.end(),
                   [](const Task& a, const Task& b) { return a.mark.since < b.mark.since; });
  return tasks;
}

void Flattener::Round() {
  std::vector<Task> tasks = Marked();
  size_t waiting = tasks.size();
  waiting_.Set(static_cast<double>(waiting));
  bool flattened = false;
  for (const bool trashed_too : {false, true}) {
    std::vector<Task> trashed;
    for (Task& task : tasks) {
      // What is in the trash may be free as soon as the reaper has looked at what was flattened.
      if (rounds_.Stopping() || (trashed_too && flattened)) {
        return;
      }
      const Outcome outcome = HandleOrLog(task, trashed_too);
      flattened = flattened || outcome == Outcome::kFlattened;
      if (outcome == Outcome::kFlattened || outcome == Outcome::kDropped) {
        waiting_.Set(static_cast<double>(--waiting));
      } else if (outcome == Outcome::kTrashed) {
        trashed.push_back(std::move(task));
      }
    }
    tasks = std::move(trashed);
  }
}

Flattener::Outcome Flattener::HandleOrLog(const Task& task, bool trashed_too) {
  const auto outcome = Handle(task, trashed_too);
  if (!outcome.ok()) {
    spdlog::warn("flattener: {}", std::string(outcome.status().message()));
  }
  return outcome.value_or(Outcome::kLeft);
}

absl::StatusOr<Flattener::Verdict> Flattener::Judge(const Task& task) {
  ASSIGN_OR_RETURN(const Sight sight, task.pool.images->LookById(task.mark.image_id));
  if (sight.state == Sight::State::kAbsent || !sight.parent.has_value()) {
    return Verdict::kDrop;
  }
  if (sight.record.empty()) {
    // Half made: its creator must find it as it was. Somebody else's clone is not ours to flatten.
    return absl::Now() - sight.header_changed < kForeign ? Verdict::kWait : Verdict::kDrop;
  }
  if (task.mark.why == FlattenMark::Why::kChain) {
    ASSIGN_OR_RETURN(
        const std::vector<ImageAddress> chain,
        WalkChain(*task.pool.snapshots, AddressOf(*task.pool.snapshots, task.mark.image_id)));
    if (chain.size() <= kFlattenDepth) {
      return Verdict::kDrop;
    }
  }
  if (!IsBeingDeleted(sight)) {
    return Verdict::kFlatten;
  }
  // Nobody stands on it: the reaper removes it.
  return sight.snapshots.empty() ? Verdict::kWait : Verdict::kFlattenLast;
}

absl::StatusOr<Flattener::Outcome> Flattener::Handle(const Task& task, bool trashed_too) {
  ASSIGN_OR_RETURN(const Verdict verdict, Judge(task));
  switch (verdict) {
    case Verdict::kDrop:
      RETURN_IF_ERROR(task.pool.snapshots->Unmark(task.mark.image_id));
      return Outcome::kDropped;
    case Verdict::kWait:
      return Outcome::kLeft;
    case Verdict::kFlattenLast:
      if (!trashed_too) {
        return Outcome::kTrashed;
      }
      break;
    case Verdict::kFlatten:
      break;
  }
  ASSIGN_OR_RETURN(const Taken turn, task.pool.snapshots->TakeFlattenTurn(task.mark.image_id));
  if (turn != Taken::kTaken) {
    return Outcome::kLeft;  // another controller is at it
  }
  const absl::Status flattened = Flatten(task);
  const absl::Status ended = task.pool.snapshots->EndFlattenTurn(task.mark.image_id);
  if (absl::IsCancelled(flattened)) {
    return Outcome::kLeft;
  }
  RETURN_IF_ERROR(flattened);
  RETURN_IF_ERROR(ended);
  return Outcome::kFlattened;
}

absl::Status Flattener::Flatten(const Task& task) {
  SnapshotStore& store = *task.pool.snapshots;
  const absl::Time begin = absl::Now();
  spdlog::info("flattener: begins with {}", Name(store, task.mark));
  const absl::Status done = Run(task);
  progress_.Set(0);
  RETURN_IF_ERROR(done);
  RETURN_IF_ERROR(store.Unmark(task.mark.image_id));
  flattened_.Increment();
  reaper_.Wake();  // a deleted parent may be free now
  spdlog::info("flattener: {} is flat, after {}", Name(store, task.mark),
               absl::FormatDuration(absl::Trunc(absl::Now() - begin, absl::Milliseconds(1))));
  return absl::OkStatus();
}

// The work is done in a thread of its own; this one tells how far it is and keeps the turn.
absl::Status Flattener::Run(const Task& task) {
  SnapshotStore& store = *task.pool.snapshots;
  FlattenProgress progress;
  absl::Status result;
  absl::Notification done;
  std::thread worker([&] {
    result = store.Flatten(task.mark.image_id, &progress);
    done.Notify();
  });
  absl::Time reported = absl::Now();
  absl::Time stop = absl::InfiniteFuture();
  while (!done.WaitForNotificationWithTimeout(kTick)) {
    const absl::Time now = absl::Now();
    progress_.Set(progress.percent / 100.0);
    if (now - reported >= kReport) {
      reported = now;
      Report(task, progress.percent);
    }
    if (stop == absl::InfiniteFuture() && rounds_.Stopping()) {
      stop = now + kPatience;
      progress.stop = true;
    }
    if (now > stop) {
      LeaveBehind(Name(store, task.mark), progress.percent);
    }
  }
  worker.join();
  return result;
}

void Flattener::Report(const Task& task, int percent) {
  SnapshotStore& store = *task.pool.snapshots;
  spdlog::info("flattener: {} is {} % done", Name(store, task.mark), percent);
  FlattenMark mark = task.mark;
  mark.percent = percent;
  const absl::Status written = store.ReplaceMark(mark);
  const auto turn = store.TakeFlattenTurn(mark.image_id);
  if (!written.ok() || !turn.ok()) {
    spdlog::warn("flattener: {}", std::string((written.ok() ? turn.status() : written).message()));
  }
}

}  // namespace rbdcsi
