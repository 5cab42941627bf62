#include "controller/catalog.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "controller/provisioner.h"
#include "csi/status.h"
#include "csi/volume_id.h"

namespace rbdcsi {
namespace {

constexpr size_t kNamesPerRead = 1000;  // an OSD gives no more than 1024 by default
constexpr size_t kReaders = 8;

// Appends the volumes of one place until the page has `wanted` entries.
absl::Status ListPlace(ImageStore& store, Position at, size_t wanted, CatalogPage& page) {
  while (page.entries.size() < wanted) {
    const size_t limit = std::min(kNamesPerRead, wanted - page.entries.size());
    ASSIGN_OR_RETURN(const std::vector<ListedImage> names, store.Names(at.image, limit));
    if (names.empty()) {
      return absl::OkStatus();
    }
    std::vector<absl::StatusOr<Sight>> sights = LookAll(store, names);
    for (size_t i = 0; i < names.size(); ++i) {
      at.image = names[i].name;
      RETURN_IF_ERROR(sights[i].status());
      if (IsVolume(*sights[i], at.image)) {
        page.entries.push_back({at, *std::move(sights[i])});
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<absl::StatusOr<Sight>> LookAll(ImageStore& store,
                                           const std::vector<ListedImage>& names) {
  std::vector<absl::StatusOr<Sight>> sights(names.size(), absl::UnknownError("not read"));
  std::atomic<size_t> next{0};
  const auto read = [&] {
    for (size_t i = next.fetch_add(1); i < names.size(); i = next.fetch_add(1)) {
      sights[i] = store.LookById(names[i].id);
    }
  };
  std::vector<std::jthread> readers;
  for (size_t i = 1; i < std::min(kReaders, names.size()); ++i) {
    readers.emplace_back(read);
  }
  read();
  readers.clear();  // joins
  return sights;
}

std::string Position::ToString() const {
  return absl::StrCat(place.cluster, "/", place.pool, "/", place.rados_namespace, "/", image);
}

std::optional<Position> Position::Parse(std::string_view token) {
  const std::vector<std::string> parts = absl::StrSplit(Sv(token), '/');
  if (parts.size() != 4 || parts[0].empty() || parts[1].empty() || parts[3].empty()) {
    return std::nullopt;
  }
  return Position{.place = {parts[0], parts[1], parts[2]}, .image = parts[3]};
}

absl::StatusOr<CatalogPage> ListPage(Stores& stores, const Position& after, size_t limit) {
  // One more than asked for tells whether there is a next page.
  const size_t wanted = limit == 0 ? std::numeric_limits<size_t>::max() : limit + 1;
  CatalogPage page;
  ASSIGN_OR_RETURN(const std::vector<Place> places, stores.Places(after.place));
  for (const Place& place : places) {
    ASSIGN_OR_RETURN(const std::unique_ptr<ImageStore> store, stores.Open(place, nullptr));
    const bool continued = place == after.place;
    RETURN_IF_ERROR(
        ListPlace(*store, {.place = place, .image = continued ? after.image : ""}, wanted, page));
  }
  if (limit != 0 && page.entries.size() > limit) {
    page.more = true;
    page.entries.resize(limit);
  }
  return page;
}

}  // namespace rbdcsi
