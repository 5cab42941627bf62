#include "controller/snapshot_catalog.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "controller/catalog.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr char kVolume[] = "v";
constexpr char kTrashed[] = "t";

absl::StatusOr<std::vector<FoundSnapshot>> SnapshotsOf(const PoolStores& pool, const Sight& sight,
                                                       const std::string& image) {
  std::vector<FoundSnapshot> found;
  ASSIGN_OR_RETURN(std::vector<SnapshotInfo> all,
                   pool.snapshots.Snapshots(sight.id, sight.snapshots));
  for (SnapshotInfo& info : all) {
    if (IsListed(info)) {
      found.push_back(
          {.image = image, .image_id = sight.id, .info = std::move(info), .record = ""});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const FoundSnapshot& a, const FoundSnapshot& b) { return a.info.id < b.info.id; });
  return found;
}

// Collects the entries of one place until the page has `wanted` of them.
class Collector {
 public:
  Collector(const PoolStores& pool, const SnapshotPosition& after, size_t wanted,
            SnapshotPage& page)
      : pool_(pool), after_(after), wanted_(wanted), page_(page) {}

  absl::Status Volumes();
  absl::Status Deleted();

 private:
  bool IsFull() const { return page_.entries.size() >= wanted_; }
  absl::Status Add(const Sight& sight, const std::string& image, const SnapshotPosition& at);

  const PoolStores& pool_;
  const SnapshotPosition& after_;
  const size_t wanted_;
  SnapshotPage& page_;
};

absl::Status Collector::Add(const Sight& sight, const std::string& image,
                            const SnapshotPosition& at) {
  ASSIGN_OR_RETURN(std::vector<FoundSnapshot> all, SnapshotsOf(pool_, sight, image));
  for (FoundSnapshot& found : all) {
    const bool seen = at.deleted == after_.deleted && at.image == after_.image &&
                      found.info.id <= after_.snapshot;
    if (!seen && !IsFull()) {
      SnapshotPosition here = at;
      here.snapshot = found.info.id;
      page_.entries.push_back({std::move(here), std::move(found)});
    }
  }
  return absl::OkStatus();
}

absl::Status Collector::Volumes() {
  if (!after_.image.empty()) {
    // The last page may have ended in the middle of an image's snapshots.
    ASSIGN_OR_RETURN(const Sight sight, pool_.images.Look(after_.image));
    RETURN_IF_ERROR(
        Add(sight, after_.image, {.place = after_.place, .deleted = false, .image = after_.image}));
  }
  std::string last = after_.image;
  while (!IsFull()) {
    ASSIGN_OR_RETURN(const std::vector<ListedImage> names,
                     pool_.images.Names(last, std::numeric_limits<size_t>::max()));
    if (names.empty()) {
      return absl::OkStatus();
    }
    const std::vector<absl::StatusOr<Sight>> sights = LookAll(pool_.images, names, Detail::kAll);
    for (size_t i = 0; i < names.size() && !IsFull(); ++i) {
      RETURN_IF_ERROR(sights[i].status());
      last = names[i].name;
      if (!sights[i]->snapshots.empty() && IsVolume(*sights[i], last)) {
        RETURN_IF_ERROR(
            Add(*sights[i], last, {.place = after_.place, .deleted = false, .image = last}));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Collector::Deleted() {
  ASSIGN_OR_RETURN(std::vector<TrashedImage> trash, pool_.images.Trash());
  std::erase_if(trash, [this](const TrashedImage& image) {
    return !IsOurs(image) || (after_.deleted && image.id < after_.image);
  });
  std::sort(trash.begin(), trash.end(),
            [](const TrashedImage& a, const TrashedImage& b) { return a.id < b.id; });
  for (const TrashedImage& image : trash) {
    if (IsFull()) {
      break;
    }
    ASSIGN_OR_RETURN(const Sight sight, pool_.images.LookById(image.id));
    RETURN_IF_ERROR(
        Add(sight, image.name, {.place = after_.place, .deleted = true, .image = image.id}));
  }
  return absl::OkStatus();
}

}  // namespace

std::string SnapshotPosition::ToString() const {
  return absl::StrCat(place.cluster, "/", place.pool, "/", place.rados_namespace, "/",
                      deleted ? kTrashed : kVolume, "/", image, "/", snapshot);
}

std::optional<SnapshotPosition> SnapshotPosition::Parse(std::string_view token) {
  const std::vector<std::string> parts = absl::StrSplit(Sv(token), '/');
  SnapshotPosition position;
  if (parts.size() != 6 || parts[0].empty() || parts[1].empty() || parts[4].empty() ||
      (parts[3] != kVolume && parts[3] != kTrashed) ||
      !absl::SimpleAtoi(parts[5], &position.snapshot)) {
    return std::nullopt;
  }
  position.place = {parts[0], parts[1], parts[2]};
  position.deleted = parts[3] == kTrashed;
  position.image = parts[4];
  return position;
}

absl::StatusOr<SnapshotPage> ListSnapshotPage(Stores& stores, const SnapshotQuery& query) {
  const auto& [after, limit, secrets] = query;
  // One more than asked for tells whether there is a next page.
  const size_t wanted = limit == 0 ? std::numeric_limits<size_t>::max() : limit + 1;
  SnapshotPage page;
  ASSIGN_OR_RETURN(const std::vector<Place> places, stores.Places(after.place, secrets));
  for (const Place& place : places) {
    ASSIGN_OR_RETURN(const std::unique_ptr<ImageStore> images, stores.Open(place, secrets));
    ASSIGN_OR_RETURN(const auto snapshots, stores.OpenSnapshots(place, secrets));
    const PoolStores pool = {.images = *images, .snapshots = *snapshots};
    SnapshotPosition begin = {.place = place, .deleted = false, .image = "", .snapshot = 0};
    if (place == after.place) {
      begin = after;
    }
    Collector collector(pool, begin, wanted, page);
    if (!begin.deleted) {
      RETURN_IF_ERROR(collector.Volumes());
    }
    RETURN_IF_ERROR(collector.Deleted());
  }
  if (limit != 0 && page.entries.size() > limit) {
    page.more = true;
    page.entries.resize(limit);
  }
  return page;
}

absl::StatusOr<std::vector<FoundSnapshot>> SnapshotsOfVolume(const PoolStores& pool,
                                                             const std::string& image) {
  ASSIGN_OR_RETURN(const Sight sight, pool.images.Look(image));
  ASSIGN_OR_RETURN(std::vector<FoundSnapshot> all, SnapshotsOf(pool, sight, image));
  ASSIGN_OR_RETURN(const std::vector<TrashedImage> trash, pool.images.Trash());
  for (const TrashedImage& deleted : trash) {
    if (deleted.name != image || deleted.id == sight.id) {
      continue;
    }
    ASSIGN_OR_RETURN(const Sight old, pool.images.LookById(deleted.id));
    ASSIGN_OR_RETURN(std::vector<FoundSnapshot> more, SnapshotsOf(pool, old, image));
    std::move(more.begin(), more.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace rbdcsi
