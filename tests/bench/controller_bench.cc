#include "tests/bench/controller_bench.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "csi/status.h"
#include "tests/bench/ceph_floor.h"
#include "tests/bench/cost.h"
#include "tests/bench/measure.h"
#include "tests/bench/report.h"
#include "tests/bench/volumes.h"

namespace rbdcsi {
namespace {

constexpr uint64_t kMebibyte = uint64_t{1} << 20;

class Round {
 public:
  Round(const ControllerBench& bench, CephConnection& connection, CsiClient& client)
      : bench_(bench), client_(client), floor_(connection) {}

  // The runner times or counts one contest; everything else is the same for both.
  using Runner = std::function<absl::Status(const Plan&, const Contest&)>;
  absl::Status Run(const Plan& plan, const std::string& label, const Runner& runner);

 private:
  absl::Status LearnShape();
  absl::Status FindHeaders(int items);
  std::string VolumeName(int item) const { return absl::StrCat("bench-", label_, "-", item); }
  std::string RawName(int item) const { return absl::StrCat("raw.bench-", label_, "-", item); }
  uint64_t Size() const { return static_cast<uint64_t>(bench_.size_mib) * kMebibyte; }
  CsiClient::Wanted Wanted(int item) const {
    return {.name = VolumeName(item), .size_bytes = Size(), .parameters = bench_.parameters};
  }
  CsiClient::Attachment Attachment(int item) const {
    return {.volume_id = volumes_[item], .node_id = bench_.node_id};
  }
  absl::Status Create(int item);
  Contest CreateContest();
  Contest RepeatContest();
  std::vector<Contest> AttachContests();
  Contest ExpandContest();
  Contest DeleteContest();

  const ControllerBench& bench_;
  CsiClient& client_;
  CephFloor floor_;
  std::string label_;
  ImageShape shape_;
  std::vector<std::string> volumes_;  // ids that CreateVolume answered
  std::vector<std::string> raw_ids_;
};

absl::Status Round::LearnShape() {
  const CsiClient::Wanted wanted{.name = absl::StrCat("bench-", label_, "-shape"),
                                 .size_bytes = Size(),
                                 .parameters = bench_.parameters};
  ASSIGN_OR_RETURN(const std::string volume, client_.CreateVolume(wanted));
  ASSIGN_OR_RETURN(shape_, ShapeOfVolume(floor_, volume));
  return client_.DeleteVolume(volume);
}

absl::Status Round::FindHeaders(int items) {
  raw_ids_.assign(items, "");
  const auto find = [this](int item) -> absl::Status {
    ASSIGN_OR_RETURN(raw_ids_[item], floor_.IdOf(RawName(item)));
    return absl::OkStatus();
  };
  return RunBatch({.count = items, .callers = kPreparingCallers}, find, nullptr).status();
}

absl::Status Round::Create(int item) {
  ASSIGN_OR_RETURN(volumes_[item], client_.CreateVolume(Wanted(item)));
  return absl::OkStatus();
}

Contest Round::CreateContest() {
  return {.op = "CreateVolume",
          .driver = [this](int item) { return Create(item); },
          .floor = [this](int item) { return floor_.Create(RawName(item), shape_); }};
}

Contest Round::RepeatContest() {
  return {.op = "CreateVolume again",
          .driver = [this](int item) { return Create(item); },
          .floor = [this](int item) { return floor_.OpenStatClose(RawName(item)); }};
}

std::vector<Contest> Round::AttachContests() {
  const auto header = [this](int item) { return absl::StrCat("rbd_header.", raw_ids_[item]); };
  return {{.op = "ControllerPublishVolume",
           .driver = [this](int item) { return client_.Publish(Attachment(item)); },
           .floor = [this, header](int item) { return floor_.Lock(header(item)); }},
          {.op = "ControllerUnpublishVolume",
           .driver = [this](int item) { return client_.Unpublish(Attachment(item)); },
           .floor = [this, header](int item) { return floor_.Unlock(header(item)); }}};
}

Contest Round::ExpandContest() {
  const uint64_t grown = Size() + kMebibyte;
  return {
      .op = "ControllerExpandVolume",
      .driver = [this, grown](int item) { return client_.Expand(volumes_[item], grown); },
      .floor = [this, grown](int item) { return floor_.OpenResizeClose(RawName(item), grown); }};
}

Contest Round::DeleteContest() {
  return {.op = "DeleteVolume",
          .driver = [this](int item) { return client_.DeleteVolume(volumes_[item]); },
          .floor = [this](int item) { return floor_.TrashMove(RawName(item)); }};
}

absl::Status Round::Run(const Plan& plan, const std::string& label, const Runner& runner) {
  label_ = absl::StrCat(getpid(), "-", label);
  volumes_.assign(Items(plan), "");
  RETURN_IF_ERROR(LearnShape());
  RETURN_IF_ERROR(runner(plan, CreateContest()));
  RETURN_IF_ERROR(runner(plan, RepeatContest()));
  RETURN_IF_ERROR(FindHeaders(Items(plan)));
  for (const Contest& contest : AttachContests()) {
    RETURN_IF_ERROR(runner(plan, contest));
  }
  RETURN_IF_ERROR(runner(plan, ExpandContest()));
  RETURN_IF_ERROR(runner(plan, DeleteContest()));
  if (bench_.leave_trash) {
    return absl::OkStatus();
  }
  return RunBatch(
             {.count = Items(plan), .callers = kPreparingCallers},
             [this](int item) { return floor_.TrashRemove(raw_ids_[item]); }, nullptr)
      .status();
}

absl::Status RunCost(const ControllerBench& bench, CephConnection& connection, Round& round) {
  const Plan plan{.count = bench.count_operations,
                  .warmup = bench.count_operations,
                  .batch = bench.count_operations};
  ASSIGN_OR_RETURN(const Meter meter, Meter::Learn(connection));
  PrintValue("idle_osd_ops_per_s", meter.idle().osd_ops);
  PrintValue("idle_mon_commits_per_s", meter.idle().mon_commits);
  return round.Run(plan, "cost", [&](const Plan& same, const Contest& contest) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<Cost> costs, meter.Measure(same, {contest}));
    PrintCost(costs.front());
    return absl::OkStatus();
  });
}

absl::Status RunTimes(const ControllerBench& bench, int callers, Round& round) {
  const Plan plan{.callers = callers,
                  .count = bench.count,
                  .warmup = std::max(bench.warmup, callers),
                  .batch = std::min(std::max(8, callers * 4), std::max(bench.count, callers))};
  const Context context{.callers = callers, .existing = bench.existing};
  return round.Run(plan, absl::StrCat(callers),
                   [&](const Plan& same, const Contest& contest) -> absl::Status {
                     ASSIGN_OR_RETURN(const std::vector<Figures> figures, Measure(same, {contest}));
                     PrintFigures(figures.front(), context);
                     return absl::OkStatus();
                   });
}

}  // namespace

absl::Status RunControllerBench(const ControllerBench& bench) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CephConnection> connection,
                   CephConnection::Connect(bench.ceph));
  CsiClient client(bench.socket);
  RETURN_IF_ERROR(client.Probe());
  const CsiClient::Wanted existing{
      .name = "bench-existing", .size_bytes = kMebibyte, .parameters = bench.parameters};
  RETURN_IF_ERROR(MakeVolumes(client, existing, bench.existing).status());
  Round round(bench, *connection, client);
  if (bench.count_operations > 0) {
    RETURN_IF_ERROR(RunCost(bench, *connection, round));
  }
  for (const int callers : bench.callers) {
    RETURN_IF_ERROR(RunTimes(bench, callers, round));
  }
  return absl::OkStatus();
}

}  // namespace rbdcsi
