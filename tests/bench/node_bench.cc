#include "tests/bench/node_bench.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "csi/status.h"
#include "csi/volume_id.h"
#include "tests/bench/cost.h"
#include "tests/bench/csi_client.h"
#include "tests/bench/kernel_floor.h"
#include "tests/bench/measure.h"
#include "tests/bench/report.h"

namespace rbdcsi {
namespace {

absl::StatusOr<std::string> ReadText(const std::string& path) {
  std::ifstream stream(path);
  if (!stream) {
    return absl::NotFoundError(absl::StrCat("read ", path, ": it cannot be opened"));
  }
  return std::string(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
}

class Stagings {
 public:
  static absl::StatusOr<Stagings> Load(const NodeBench& bench);
  ~Stagings();
  Stagings(Stagings&&) = default;
  Stagings& operator=(Stagings&&) = delete;

  size_t size() const { return stagings_.size(); }
  const CsiClient::Staging& operator[](size_t i) const { return stagings_[i]; }
  std::string Image(size_t i) const { return VolumeId::Parse(stagings_[i].volume_id)->image; }
  KernelFloor::Place Place(size_t i) const {
    return {.image = Image(i), .directory = stagings_[i].path};
  }

 private:
  Stagings() = default;
  std::vector<CsiClient::Staging> stagings_;
};

absl::StatusOr<Stagings> Stagings::Load(const NodeBench& bench) {
  ASSIGN_OR_RETURN(const std::string text, ReadText(bench.volumes));
  const nlohmann::json list = nlohmann::json::parse(text, nullptr, false);
  if (!list.is_array() || list.size() < static_cast<size_t>(bench.callers) * 2) {
    return absl::InvalidArgumentError(
        absl::StrCat(bench.volumes, ": need a JSON list of ", bench.callers * 2, " volumes"));
  }
  Stagings stagings;
  for (const nlohmann::json& volume : list) {
    CsiClient::Staging staging{
        .volume_id = volume.value("volume_id", ""),
        .publish_context = volume.value("publish_context", StringMap()),
        .path = absl::StrCat(bench.directory, "/", stagings.size()),
    };
    if (!VolumeId::Parse(staging.volume_id)) {
      return absl::InvalidArgumentError(absl::StrCat(bench.volumes, ": a volume without an id"));
    }
    std::filesystem::create_directories(staging.path);
    stagings.stagings_.push_back(std::move(staging));
  }
  return stagings;
}

Stagings::~Stagings() {
  std::error_code ignored;
  for (const CsiClient::Staging& staging : stagings_) {
    std::filesystem::remove(staging.path, ignored);
  }
}

// Formats every volume, and looks at the map of one of them on the way.
absl::StatusOr<KernelFloor> Prepare(const NodeBench& bench, const Stagings& stagings,
                                    CsiClient& client) {
  ASSIGN_OR_RETURN(const std::string key, ReadText(bench.key_file));
  std::optional<KernelFloor> floor;
  for (size_t i = 0; i < stagings.size(); ++i) {
    RETURN_IF_ERROR(client.Stage(stagings[i]));
    if (!floor) {
      ASSIGN_OR_RETURN(floor, KernelFloor::Like(stagings.Image(i), key));
    }
    RETURN_IF_ERROR(client.Unstage(stagings[i]));
  }
  return *floor;
}

std::vector<Contest> Contests(int callers, const Stagings& stagings, CsiClient& client,
                              const KernelFloor& floor) {
  const auto ours = [callers](int item) { return static_cast<size_t>(item % callers); };
  const auto raw = [callers](int item) {
    return static_cast<size_t>(callers) + static_cast<size_t>(item % callers);
  };
  return {
      {.op = "NodeStageVolume",
       .driver = [&, ours](int item) { return client.Stage(stagings[ours(item)]); },
       .floor = [&, raw](int item) { return floor.MapAndMount(stagings.Place(raw(item))); }},
      {.op = "NodeUnstageVolume",
       .driver = [&, ours](int item) { return client.Unstage(stagings[ours(item)]); },
       .floor = [&, raw](int item) { return floor.UnmountAndUnmap(stagings.Place(raw(item))); }}};
}

absl::Status CountOperations(const NodeBench& bench, const std::vector<Contest>& contests) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CephConnection> connection,
                   CephConnection::Connect(bench.ceph));
  const Plan plan{.count = bench.count_operations, .warmup = 1, .batch = 1};
  ASSIGN_OR_RETURN(const Meter meter, Meter::Learn(*connection));
  ASSIGN_OR_RETURN(const std::vector<Cost> costs, meter.Measure(plan, contests));
  for (const Cost& cost : costs) {
    PrintCost(cost);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunNodeBench(const NodeBench& bench) {
  CsiClient client(bench.socket);
  ASSIGN_OR_RETURN(const Stagings stagings, Stagings::Load(bench));
  ASSIGN_OR_RETURN(const KernelFloor floor, Prepare(bench, stagings, client));
  if (bench.count_operations > 0) {
    RETURN_IF_ERROR(CountOperations(bench, Contests(1, stagings, client, floor)));
  }
  const Plan plan{.callers = bench.callers,
                  .count = bench.count,
                  .warmup = bench.warmup,
                  .batch = bench.callers};
  ASSIGN_OR_RETURN(const std::vector<Figures> figures,
                   Measure(plan, Contests(bench.callers, stagings, client, floor)));
  for (const Figures& one : figures) {
    PrintFigures(one, {.callers = bench.callers, .existing = bench.existing});
  }
  return absl::OkStatus();
}

}  // namespace rbdcsi
