#include "tests/bench/measure.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <iterator>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

int RoundUp(int value, int unit) { return (value + unit - 1) / unit * unit; }

struct Track {
  std::vector<double> times_ms;
  absl::Duration busy;
};

absl::Status TakeTurn(const Batch& batch, const Operation& operation, Track* track) {
  ASSIGN_OR_RETURN(absl::Duration took,
                   RunBatch(batch, operation, track == nullptr ? nullptr : &track->times_ms));
  if (track != nullptr) {
    track->busy += took;
  }
  return absl::OkStatus();
}

Side Summary(const Track& track) {
  return {.p50_ms = Percentile(track.times_ms, 0.50),
          .p95_ms = Percentile(track.times_ms, 0.95),
          .per_s = static_cast<double>(track.times_ms.size()) / absl::ToDoubleSeconds(track.busy)};
}

// Takes items of one batch until there are none or a caller has failed.
class Worker {
 public:
  Worker(const Batch& batch, const Operation& operation)
      : end_(batch.first + batch.count), operation_(operation), next_(batch.first) {}

  void Run(std::vector<double>* times_ms) {
    for (int item = next_++; item < end_; item = next_++) {
      const absl::Time start = absl::Now();
      const absl::Status status = operation_(item);
      times_ms->push_back(absl::ToDoubleMilliseconds(absl::Now() - start));
      if (!status.ok()) {
        next_ = end_;
        absl::MutexLock lock(&mutex_);
        status_.Update(status);
      }
    }
  }

  absl::Status status() {
    absl::MutexLock lock(&mutex_);
    return status_;
  }

 private:
  const int end_;
  const Operation& operation_;
  std::atomic<int> next_;
  absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

int Items(const Plan& plan) {
  return RoundUp(plan.warmup, plan.batch) + RoundUp(plan.count, plan.batch);
}

absl::StatusOr<std::vector<Figures>> Measure(const Plan& plan,
                                             const std::vector<Contest>& contests) {
  std::vector<Track> drivers(contests.size());
  std::vector<Track> floors(contests.size());
  const int warm = RoundUp(plan.warmup, plan.batch);
  for (int first = 0; first < Items(plan); first += plan.batch) {
    const Batch batch{.first = first, .count = plan.batch, .callers = plan.callers};
    const bool timed = first >= warm;
    for (size_t i = 0; i < contests.size(); ++i) {
      RETURN_IF_ERROR(TakeTurn(batch, contests[i].driver, timed ? &drivers[i] : nullptr));
    }
    for (size_t i = 0; i < contests.size(); ++i) {
      RETURN_IF_ERROR(TakeTurn(batch, contests[i].floor, timed ? &floors[i] : nullptr));
    }
  }
  std::vector<Figures> figures;
  for (size_t i = 0; i < contests.size(); ++i) {
    figures.push_back({.op = contests[i].op,
                       .count = static_cast<int>(drivers[i].times_ms.size()),
                       .driver = Summary(drivers[i]),
                       .floor = Summary(floors[i])});
  }
  return figures;
}

absl::StatusOr<absl::Duration> RunBatch(const Batch& batch, const Operation& operation,
                                        std::vector<double>* times_ms) {
  Worker worker(batch, operation);
  std::vector<std::vector<double>> times(batch.callers);
  const absl::Time start = absl::Now();
  {
    std::vector<std::jthread> others;
    for (int i = 1; i < batch.callers; ++i) {
      others.emplace_back([&worker, &mine = times[i]] { worker.Run(&mine); });
    }
    worker.Run(times.data());
  }
  const absl::Duration took = absl::Now() - start;
  RETURN_IF_ERROR(worker.status());
  if (times_ms != nullptr) {
    for (const std::vector<double>& mine : times) {
      std::copy(mine.begin(), mine.end(), std::back_inserter(*times_ms));
    }
  }
  return took;
}

double Percentile(std::vector<double> samples, double share) {
  if (samples.empty()) {
    return 0;
  }
  std::sort(samples.begin(), samples.end());
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(samples.size())));
  return samples[std::clamp<size_t>(rank, 1, samples.size()) - 1];
}

}  // namespace rbdcsi
