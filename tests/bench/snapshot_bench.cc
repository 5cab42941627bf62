#include "tests/bench/snapshot_bench.h"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "csi/status.h"
#include "tests/bench/cost.h"
#include "tests/bench/measure.h"
#include "tests/bench/report.h"
#include "tests/bench/snapshot_round.h"

namespace rbdcsi {
namespace {

constexpr uint64_t kMebibyte = uint64_t{1} << 20;
constexpr int kBatch = 4;  // clones of one turn

// What each call took.
struct Track {
  std::vector<double> times_ms;
  std::vector<double> mon_commits;
};

Operation Tracked(CephConnection& connection, const Operation& operation, Track* track) {
  return [&connection, &operation, track](int item) -> absl::Status {
    ASSIGN_OR_RETURN(const Counters before, connection.ReadCounters());
    const absl::Time start = absl::Now();
    RETURN_IF_ERROR(operation(item));
    track->times_ms.push_back(absl::ToDoubleMilliseconds(absl::Now() - start));
    ASSIGN_OR_RETURN(const Counters after, connection.ReadCounters());
    track->mon_commits.push_back((after - before).mon_commits);
    return absl::OkStatus();
  };
}

Side Summary(const std::vector<double>& times_ms) {
  const double sum = std::accumulate(times_ms.begin(), times_ms.end(), 0.0);
  return {.p50_ms = Percentile(times_ms, 0.50),
          .p95_ms = Percentile(times_ms, 0.95),
          .per_s = static_cast<double>(times_ms.size()) * 1000 / sum};
}

// How long one snapshot took, and how long many at the same time.
struct Crowd {
  std::vector<double> one_ms;
  std::vector<double> many_ms;
};

absl::Status TakeTurn(const Batch& batch, const Operation& operation,
                      std::vector<double>* took_ms) {
  ASSIGN_OR_RETURN(const absl::Duration took, RunBatch(batch, operation, nullptr));
  took_ms->push_back(absl::ToDoubleMilliseconds(took));
  return absl::OkStatus();
}

void Print(const std::string& op, const Crowd& crowd) {
  const double one_ms = Percentile(crowd.one_ms, 0.50);
  const double many_ms = Percentile(crowd.many_ms, 0.50);
  PrintValue(absl::StrCat(op, "_ms"), many_ms);
  PrintValue(absl::StrCat(op, "_over_one"), many_ms / one_ms);
}

class Runner {
 public:
  Runner(const SnapshotBench& bench, CephConnection& connection, CsiClient& client)
      : bench_(bench),
        connection_(connection),
        round_({.name = absl::StrCat("bench-", getpid(), "-snap"),
                .size_bytes = static_cast<uint64_t>(bench.size_mib) * kMebibyte,
                .parameters = bench.parameters},
               connection, client) {}

  absl::Status Run();

 private:
  absl::Status CountAndTime(const Meter& meter, const Contest& contest) const;
  absl::Status Slow(const Meter& meter);
  absl::Status Quick(const Meter& meter);
  absl::Status Parallel();

  const SnapshotBench& bench_;
  CephConnection& connection_;
  SnapshotRound round_;
};

// A cluster's own commits come at about the pace of these calls, too regularly to be taken off by
// their rate: the median call's are reported with them.
absl::Status Runner::CountAndTime(const Meter& meter, const Contest& contest) const {
  Track driver;
  Track floor;
  const Contest tracked{.op = contest.op,
                        .driver = Tracked(connection_, contest.driver, &driver),
                        .floor = Tracked(connection_, contest.floor, &floor)};
  const Plan plan{.count = bench_.count, .warmup = 0, .batch = 1};
  ASSIGN_OR_RETURN(std::vector<Cost> costs, meter.Measure(plan, {tracked}));
  costs.front().driver.mon_commits = Percentile(driver.mon_commits, 0.50);
  costs.front().floor.mon_commits = Percentile(floor.mon_commits, 0.50);
  PrintFigures({.op = contest.op,
                .count = bench_.count,
                .driver = Summary(driver.times_ms),
                .floor = Summary(floor.times_ms)},
               {.callers = 1, .existing = bench_.existing});
  PrintCost(costs.front());
  return absl::OkStatus();
}

absl::Status Runner::Slow(const Meter& meter) {
  for (const Contest& contest :
       {round_.Create("one"), round_.Repeat("one"), round_.Delete("one"), round_.CloneVolume()}) {
    RETURN_IF_ERROR(CountAndTime(meter, contest));
  }
  return absl::OkStatus();
}

absl::Status Runner::Quick(const Meter& meter) {
  const Plan counted{.count = bench_.count, .warmup = bench_.count, .batch = bench_.count};
  ASSIGN_OR_RETURN(const std::vector<Cost> costs,
                   meter.Measure(counted, {round_.CloneSnapshot("counted")}));
  PrintCost(costs.front());
  const Plan plan{.count = bench_.clones, .warmup = kBatch, .batch = kBatch};
  ASSIGN_OR_RETURN(const std::vector<Figures> figures,
                   Measure(plan, {round_.CloneSnapshot("timed")}));
  PrintFigures(figures.front(), {.callers = 1, .existing = bench_.existing});
  return absl::OkStatus();
}

// One snapshot, then many at the same time, in turns: both begin when a round has just ended.
absl::Status Runner::Parallel() {
  const Batch one{.first = bench_.count, .count = 1, .callers = 1};
  const Batch many{.first = bench_.count + 1, .count = bench_.parallel, .callers = bench_.parallel};
  Crowd driver;
  Crowd floor;
  for (int time = 0; time < bench_.times; ++time) {
    const Contest contest = round_.Create(absl::StrCat("parallel-", time));
    RETURN_IF_ERROR(TakeTurn(one, contest.driver, &driver.one_ms));
    RETURN_IF_ERROR(TakeTurn(many, contest.driver, &driver.many_ms));
    RETURN_IF_ERROR(TakeTurn(one, contest.floor, &floor.one_ms));
    RETURN_IF_ERROR(TakeTurn(many, contest.floor, &floor.many_ms));
  }
  const std::string op = absl::StrCat("snapshots_", bench_.parallel, "_parallel");
  Print(op, driver);
  Print(absl::StrCat("raw_", op), floor);
  return absl::OkStatus();
}

absl::Status Runner::Run() {
  ASSIGN_OR_RETURN(const Meter meter, Meter::Learn(connection_, absl::Seconds(bench_.idle_s)));
  RETURN_IF_ERROR(round_.Prepare(bench_.count + 1 + bench_.parallel));
  RETURN_IF_ERROR(Slow(meter));
  RETURN_IF_ERROR(Parallel());  // next to Slow(), so that it too begins with a round's end
  RETURN_IF_ERROR(Quick(meter));
  return bench_.leave_all ? absl::OkStatus() : round_.Clean();
}

}  // namespace

absl::Status RunSnapshotBench(const SnapshotBench& bench) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CephConnection> connection,
                   CephConnection::Connect(bench.ceph));
  CsiClient client(bench.socket);
  RETURN_IF_ERROR(client.Probe());
  return Runner(bench, *connection, client).Run();
}

}  // namespace rbdcsi
