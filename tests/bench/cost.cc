#include "tests/bench/cost.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "csi/status.h"

namespace rbdcsi {

absl::StatusOr<Meter> Meter::Learn(CephConnection& connection, absl::Duration idle) {
  ASSIGN_OR_RETURN(const Counters before, connection.ReadCounters());
  absl::SleepFor(idle);
  ASSIGN_OR_RETURN(const Counters after, connection.ReadCounters());
  const double seconds = absl::ToDoubleSeconds(idle);
  Counters rate = after - before;
  rate.osd_ops /= seconds;
  rate.mon_commits /= seconds;
  return Meter(connection, rate);
}

// Adds what the batch costs to `sum`.
absl::Status Meter::Weigh(const Batch& batch, const Operation& operation, Counters* sum) const {
  ASSIGN_OR_RETURN(const Counters before, connection_.ReadCounters());
  const absl::Time start = absl::Now();
  RETURN_IF_ERROR(RunBatch(batch, operation, nullptr).status());
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  ASSIGN_OR_RETURN(const Counters after, connection_.ReadCounters());
  const Counters used = after - before;
  sum->osd_ops += used.osd_ops - seconds * idle_.osd_ops;
  sum->mon_commits += used.mon_commits - seconds * idle_.mon_commits;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Cost>> Meter::Measure(const Plan& plan,
                                                 const std::vector<Contest>& contests) const {
  std::vector<Cost> costs(contests.size());
  for (int first = 0; first < Items(plan); first += plan.batch) {
    const Batch batch{.first = first, .count = plan.batch, .callers = 1};
    Counters warm;
    const bool counted = first >= plan.warmup;
    for (size_t i = 0; i < contests.size(); ++i) {
      costs[i].op = contests[i].op;
      costs[i].calls += counted ? plan.batch : 0;
      RETURN_IF_ERROR(Weigh(batch, contests[i].driver, counted ? &costs[i].driver : &warm));
    }
    for (size_t i = 0; i < contests.size(); ++i) {
      RETURN_IF_ERROR(Weigh(batch, contests[i].floor, counted ? &costs[i].floor : &warm));
    }
  }
  for (Cost& cost : costs) {
    for (Counters* counters : {&cost.driver, &cost.floor}) {
      counters->osd_ops = std::max(0.0, counters->osd_ops / cost.calls);
      counters->mon_commits = std::max(0.0, counters->mon_commits / cost.calls);
    }
  }
  return costs;
}

}  // namespace rbdcsi
