#include "tests/bench/snapshot_round.h"

#include <functional>

#include "absl/strings/str_cat.h"
#include "csi/status.h"
#include "tests/bench/volumes.h"

namespace rbdcsi {
namespace {

constexpr const char* kRawSnapshot = "parent";
constexpr int kCleaningCallers = 32;  // they share the rounds of the monitors

absl::Status ForAll(const std::vector<std::string>& all,
                    const std::function<absl::Status(const std::string&)>& act) {
  return RunBatch(
             {.count = static_cast<int>(all.size()), .callers = kCleaningCallers},
             [&](int item) { return act(all[item]); }, nullptr)
      .status();
}

}  // namespace

std::string SnapshotRound::RawName(int item) const {
  return absl::StrCat("raw.", like_.name, "-", item);
}

std::string SnapshotRound::RawChildName(const std::string& label, int item) const {
  return absl::StrCat("raw.", like_.name, "-", label, "-", item);
}

CsiClient::Wanted SnapshotRound::Child(const std::string& label, int item) const {
  CsiClient::Wanted wanted = like_;
  wanted.name = absl::StrCat(like_.name, "-", label, "-", item);
  return wanted;
}

void SnapshotRound::Remember(std::vector<std::string>* list, const std::string& one) {
  absl::MutexLock lock(&mutex_);
  list->push_back(one);
}

absl::Status SnapshotRound::Prepare(int items) {
  ASSIGN_OR_RETURN(volumes_, MakeVolumes(client_, like_, items + 1));
  snapshots_.assign(volumes_.size(), "");
  ASSIGN_OR_RETURN(shape_, ShapeOfVolume(images_, volumes_.front()));
  const auto create = [this](int item) { return images_.Create(RawName(item), shape_); };
  RETURN_IF_ERROR(
      RunBatch({.count = items + 1, .callers = kPreparingCallers}, create, nullptr).status());
  return MakeParents();
}

absl::Status SnapshotRound::MakeParents() {
  const int last = static_cast<int>(volumes_.size()) - 1;
  RETURN_IF_ERROR(Create("parent").driver(last));
  return floor_.Take({.image = RawName(last), .name = kRawSnapshot});
}

Contest SnapshotRound::Create(const std::string& label) {
  const auto create = [this, label](int item) -> absl::Status {
    const std::string name = absl::StrCat(like_.name, "-", label, "-", item);
    ASSIGN_OR_RETURN(snapshots_[item],
                     client_.CreateSnapshot({.volume_id = volumes_[item], .name = name}));
    absl::MutexLock lock(&mutex_);
    taken_.insert(snapshots_[item]);
    return absl::OkStatus();
  };
  return {.op = "CreateSnapshot", .driver = create, .floor = [this, label](int item) {
            return floor_.Take({.image = RawName(item), .name = label});
          }};
}

Contest SnapshotRound::Repeat(const std::string& label) {
  return {.op = "CreateSnapshot again",
          .driver = Create(label).driver,
          .floor = [this, label](int item) {
            return floor_.Find({.image = RawName(item), .name = label});
          }};
}

Contest SnapshotRound::Delete(const std::string& label) {
  return {
      .op = "DeleteSnapshot",
      .driver = [this](int item) { return client_.DeleteSnapshot(snapshots_[item]); },
      .floor = [this, label](
                   int item) { return floor_.Remove({.image = RawName(item), .name = label}); }};
}

absl::Status SnapshotRound::Clone(const CsiClient::Wanted& wanted) {
  ASSIGN_OR_RETURN(const std::string id, client_.CreateVolume(wanted));
  Remember(&clones_, id);
  return absl::OkStatus();
}

Contest SnapshotRound::CloneVolume() {
  const auto clone = [this](int item) {
    CsiClient::Wanted wanted = Child("copy", item);
    wanted.from_volume = volumes_[item];
    return Clone(wanted);
  };
  const auto raw = [this](int item) -> absl::Status {
    const std::string child = RawChildName("copy", item);
    RETURN_IF_ERROR(floor_.CloneNow({.image = RawName(item), .name = "copy"},
                                    {.image = child, .shape = shape_}));
    Remember(&raw_clones_, child);
    return absl::OkStatus();
  };
  return {.op = "CreateVolume from a volume", .driver = clone, .floor = raw};
}

Contest SnapshotRound::CloneSnapshot(const std::string& label) {
  const auto clone = [this, label](int item) {
    CsiClient::Wanted wanted = Child(label, item);
    wanted.from_snapshot = snapshots_.back();
    return Clone(wanted);
  };
  const auto raw = [this, label](int item) -> absl::Status {
    const int last = static_cast<int>(volumes_.size()) - 1;
    const std::string child = RawChildName(label, item);
    RETURN_IF_ERROR(floor_.Clone({.image = RawName(last), .name = kRawSnapshot},
                                 {.image = child, .shape = shape_}));
    Remember(&raw_clones_, child);
    return absl::OkStatus();
  };
  return {.op = "CreateVolume from a snapshot", .driver = clone, .floor = raw};
}

absl::Status SnapshotRound::Clean() {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(DeleteVolumes(client_, clones_));
  RETURN_IF_ERROR(ForAll({taken_.begin(), taken_.end()},
                         [this](const std::string& id) { return client_.DeleteSnapshot(id); }));
  RETURN_IF_ERROR(DeleteVolumes(client_, volumes_));
  const auto remove = [this](const std::string& image) { return floor_.RemoveImage(image); };
  RETURN_IF_ERROR(ForAll(raw_clones_, remove));
  std::vector<std::string> raw;
  for (size_t i = 0; i < volumes_.size(); ++i) {
    raw.push_back(RawName(static_cast<int>(i)));
  }
  return ForAll(raw, remove);
}

}  // namespace rbdcsi
