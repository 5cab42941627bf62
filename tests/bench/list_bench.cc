#include "tests/bench/list_bench.h"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "csi/status.h"
#include "tests/bench/ceph_floor.h"
#include "tests/bench/measure.h"
#include "tests/bench/report.h"
#include "tests/bench/snapshot_floor.h"
#include "tests/bench/volumes.h"

namespace rbdcsi {
namespace {

constexpr uint64_t kMebibyte = uint64_t{1} << 20;
constexpr int kPage = 1000;
constexpr int kCalls = 5;              // of which the cheapest is reported: others only add to it
constexpr double kOwnOperations = 20;  // what a call may cost beside its entries

class Lister {
 public:
  Lister(const ListBench& bench, CephConnection& connection, CsiClient& client)
      : bench_(bench),
        connection_(connection),
        client_(client),
        floor_(connection),
        snapshots_(connection) {}

  absl::Status Run();

 private:
  absl::StatusOr<Figures> TimeCreate(const std::string& label);
  absl::StatusOr<Figures> RunContest(const Contest& contest);
  absl::StatusOr<std::vector<std::string>> Make(const std::string& name, int count);
  absl::Status CountOperations();
  absl::Status TimePages();

  const ListBench& bench_;
  CephConnection& connection_;
  CsiClient& client_;
  CephFloor floor_;
  SnapshotFloor snapshots_;
};

absl::StatusOr<Figures> Lister::RunContest(const Contest& contest) {
  const Plan plan{.count = bench_.count, .warmup = 24, .batch = 8};
  ASSIGN_OR_RETURN(const std::vector<Figures> figures, Measure(plan, {contest}));
  return figures.front();
}

// Nothing of what it makes is left in the pool, but in the trash.
absl::StatusOr<Figures> Lister::TimeCreate(const std::string& label) {
  const CsiClient::Wanted like{.name = absl::StrCat("bench-", getpid(), "-", label),
                               .size_bytes = static_cast<uint64_t>(bench_.size_mib) * kMebibyte,
                               .parameters = bench_.parameters};
  ASSIGN_OR_RETURN(std::vector<std::string> volumes, MakeVolumes(client_, like, 1));
  ASSIGN_OR_RETURN(const ImageShape shape, ShapeOfVolume(floor_, volumes.front()));
  std::vector<std::string> raw;
  const auto create = [&](int item) -> absl::Status {
    CsiClient::Wanted wanted = like;
    wanted.name = absl::StrCat(like.name, "-timed-", item);
    ASSIGN_OR_RETURN(const std::string made, client_.CreateVolume(wanted));
    volumes.push_back(made);
    return absl::OkStatus();
  };
  const auto raw_create = [&](int item) {
    raw.push_back(absl::StrCat("raw.", like.name, "-", item));
    return floor_.Create(raw.back(), shape);
  };
  ASSIGN_OR_RETURN(const Figures figures,
                   RunContest({.op = label, .driver = create, .floor = raw_create}));
  RETURN_IF_ERROR(DeleteVolumes(client_, volumes));
  RETURN_IF_ERROR(RunBatch(
                      {.count = static_cast<int>(raw.size()), .callers = kPreparingCallers},
                      [&](int item) { return snapshots_.RemoveImage(raw[item]); }, nullptr)
                      .status());
  return figures;
}

absl::StatusOr<std::vector<std::string>> Lister::Make(const std::string& name, int count) {
  return MakeVolumes(
      client_, {.name = name, .size_bytes = kMebibyte, .parameters = bench_.parameters}, count);
}

absl::Status Lister::CountOperations() {
  double operations = 0;
  int entries = 0;
  for (int call = 0; call < kCalls; ++call) {
    ASSIGN_OR_RETURN(const Counters before, connection_.ReadCounters());
    ASSIGN_OR_RETURN(const CsiClient::VolumePage page, client_.ListVolumes({.max_entries = kPage}));
    ASSIGN_OR_RETURN(const Counters after, connection_.ReadCounters());
    const double used = (after - before).osd_ops;
    operations = call == 0 ? used : std::min(operations, used);
    entries = page.entries;
  }
  if (entries == 0) {
    return absl::FailedPreconditionError("list volumes: there is none (make some with --entries)");
  }
  PrintValue("list_volumes_entries", entries);
  PrintValue("list_volumes_osd_ops", operations);
  PrintValue("list_volumes_osd_ops_less_20_per_entry", (operations - kOwnOperations) / entries);
  return absl::OkStatus();
}

absl::Status Lister::TimePages() {
  std::vector<double> times_ms;
  for (int walk = 0; walk < bench_.walks; ++walk) {
    CsiClient::VolumePage page;
    do {
      const absl::Time start = absl::Now();
      ASSIGN_OR_RETURN(page, client_.ListVolumes({.max_entries = kPage, .token = page.next_token}));
      if (page.entries == kPage) {
        times_ms.push_back(absl::ToDoubleMilliseconds(absl::Now() - start));
      }
    } while (!page.next_token.empty());
  }
  if (!times_ms.empty()) {
    PrintValue("list_volumes_page_of_1000_ms", Percentile(times_ms, 0.50));
    PrintValue("list_volumes_page_of_1000_slowest_ms", Percentile(times_ms, 1.00));
  }
  return absl::OkStatus();
}

void PrintGrowth(const Figures& few, const Figures& many) {
  PrintValue("create_volume_at_0_ms", few.driver.p50_ms);
  PrintValue("create_volume_at_existing_ms", many.driver.p50_ms);
  PrintValue("create_volume_at_existing_over_at_0", many.driver.p50_ms / few.driver.p50_ms);
  PrintValue("raw_create_at_0_ms", few.floor.p50_ms);
  PrintValue("raw_create_at_existing_ms", many.floor.p50_ms);
  PrintValue("raw_create_at_existing_over_at_0", many.floor.p50_ms / few.floor.p50_ms);
}

absl::Status Lister::Run() {
  if (bench_.existing == 0) {
    ASSIGN_OR_RETURN(const std::vector<std::string> volumes,
                     Make(absl::StrCat("bench-", getpid(), "-list"), bench_.entries));
    RETURN_IF_ERROR(CountOperations());
    return DeleteVolumes(client_, volumes);
  }
  ASSIGN_OR_RETURN(const Figures few, TimeCreate("few"));
  RETURN_IF_ERROR(Make("bench-existing", bench_.existing).status());
  ASSIGN_OR_RETURN(const Figures many, TimeCreate("many"));
  PrintGrowth(few, many);
  RETURN_IF_ERROR(CountOperations());
  return TimePages();
}

}  // namespace

absl::Status RunListBench(const ListBench& bench) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CephConnection> connection,
                   CephConnection::Connect(bench.ceph));
  CsiClient client(bench.socket);
  RETURN_IF_ERROR(client.Probe());
  return Lister(bench, *connection, client).Run();
}

}  // namespace rbdcsi
