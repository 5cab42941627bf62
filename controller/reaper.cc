#include "controller/reaper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

#include "absl/time/clock.h"
#include "controller/group_snapshotter.h"
#include "controller/left_snapshots.h"
#include "controller/sweeper.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

// Deletes come in crowds, and their answers come first.
constexpr absl::Duration kAfterDelete = absl::Seconds(2);
constexpr absl::Duration kBetweenSweeps = absl::Hours(1);

Metrics::Gauge KeptGauge(Metrics& metrics, const char* reason) {
  return metrics.AddGauge("rbd_csi_trash_images_kept",
                          "Deleted volumes whose space is not free yet, by what holds them",
                          {{"reason", reason}});
}

}  // namespace

Kept WhyKept(const std::vector<SnapshotInfo>& snapshots) {
  Kept kept = Kept::kNot;
  for (const SnapshotInfo& snapshot : snapshots) {
    if (snapshot.name_space != SnapshotNamespace::kTrash) {
      return Kept::kSnapshots;
    }
    // One without clones is on its way out.
    kept = IsHalfRemoved(snapshot) ? kept : Kept::kClones;
  }
  return kept;
}

Reaper::Reaper(Stores& stores, Metrics& metrics, absl::Duration interval)
    : stores_(stores),
      kept_snapshots_(KeptGauge(metrics, "snapshots")),
      kept_clones_(KeptGauge(metrics, "clones")),
      kept_deferred_(KeptGauge(metrics, "deferred")),
      kept_in_use_(KeptGauge(metrics, "in_use")),
      purged_(metrics.AddCounter("rbd_csi_purged_images_total",
                                 "Deleted volumes whose space this controller has freed")),
      rounds_({.interval = interval, .settle = kAfterDelete}) {
  rounds_.Start([this] { Round(); });
}

void Reaper::Round() {
  Tally tally;
  ForEachPlace(stores_, "reaper", [&](const Place& place) { ReapPlace(place, tally); });
  kept_snapshots_.Set(tally.snapshots);
  kept_clones_.Set(tally.clones);
  kept_deferred_.Set(tally.deferred);
  kept_in_use_.Set(tally.in_use);
  if (absl::Now() - swept_ < kBetweenSweeps || rounds_.Stopping()) {
    return;
  }
  ForEachPlace(stores_, "sweeper", [this](const Place& place) { SweepPlace(place); });
  swept_ = absl::Now();
}

void Reaper::ReapPlace(const Place& place, Tally& tally) {
  const auto pool = stores_.OpenBoth(place, nullptr);
  const auto trash = pool.ok() ? pool->images->Trash() : pool.status();
  if (!trash.ok()) {
    spdlog::warn("reaper: {}", std::string(trash.status().message()));
    return;
  }
  for (const TrashedImage& image : *trash) {
    if (rounds_.Stopping()) {
      return;
    }
    if (!IsOurs(image)) {
      continue;
    }
    if (image.deferred_until > absl::Now()) {
      ++tally.deferred;
      if (const absl::Status done = pool->images->FinishTrash(image); !done.ok()) {
        spdlog::warn("reaper: {}", std::string(done.message()));
      }
      continue;
    }
    const absl::Time begin = absl::Now();
    Reap(*pool, image, tally);
    if (!rounds_.Pause(absl::Now() - begin)) {
      return;
    }
  }
}

void Reaper::Reap(const OpenedPool& pool, const TrashedImage& image, Tally& tally) {
  const auto sight = pool.images->LookById(image.id);
  const auto kept = sight.ok() ? Examine(pool, *sight) : sight.status();
  if (!kept.ok()) {
    spdlog::warn("reaper: {}", std::string(kept.status().message()));
    return;
  }
  if (*kept != Kept::kNot) {
    ++(*kept == Kept::kSnapshots ? tally.snapshots : tally.clones);
    return;
  }
  const absl::Status purged = pool.images->Purge(image);
  if (!purged.ok()) {
    ++tally.in_use;
    spdlog::info("reaper: {}", std::string(purged.message()));
    return;
  }
  purged_.Increment();
  spdlog::info("reaper: removed {} (id {})", pool.images->Spec(image.name), image.id);
  if (sight->parent.has_value()) {
    rounds_.Wake();  // the parent may have waited for this clone
  }
}

absl::StatusOr<Kept> Reaper::Examine(const OpenedPool& pool, const Sight& sight) {
  if (sight.state != Sight::State::kPresent || sight.snapshots.empty()) {
    return Kept::kNot;
  }
  ASSIGN_OR_RETURN(const bool removed, RemoveLeftSnapshots(*pool.snapshots, sight, absl::Now()));
  if (removed) {
    rounds_.Wake();
  }
  ASSIGN_OR_RETURN(const std::vector<SnapshotInfo> snapshots,
                   pool.snapshots->Snapshots(sight.id, sight.snapshots));
  return WhyKept(snapshots);
}

void Reaper::SweepPlace(const Place& place) {
  const auto pool = stores_.OpenBoth(place, nullptr);
  const absl::Status swept =
      pool.ok()
          ? Sweep(*pool, absl::Now(), [this](absl::Duration took) { return rounds_.Pause(took); })
          : pool.status();
  if (!swept.ok()) {
    spdlog::warn("sweeper: {}", std::string(swept.message()));
  }
  const auto groups = stores_.OpenGroups(place, nullptr);
  const absl::Status emptied = groups.ok() ? SweepGroups(**groups, absl::Now()) : groups.status();
  if (!emptied.ok()) {
    spdlog::warn("sweeper: {}", std::string(emptied.message()));
  }
}

}  // namespace rbdcsi
