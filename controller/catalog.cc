#include "controller/catalog.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "controller/provisioner.h"
#include "csi/status.h"
#include "csi/volume_id.h"

namespace rbdcsi {
namespace {

// An image this long without a header is not being made any more.
constexpr absl::Duration kNotBeingMade = absl::Seconds(20);

// A volume whose header cannot be read is still one, as is one whose header is gone.
bool IsListed(ImageStore& store, const std::string& image, const absl::StatusOr<Sight>& sight) {
  if (!sight.ok() || IsVolume(*sight, image)) {
    return true;
  }
  if (sight->state == Sight::State::kPresent) {
    return false;
  }
  const absl::StatusOr<Sight> by_name = store.Look(image);
  return by_name.ok() && by_name->state == Sight::State::kHeaderless &&
         by_name->name_changed + kNotBeingMade < absl::Now();
}

// Appends the volumes of one place until the page has `wanted` entries.
absl::Status ListPlace(ImageStore& store, Position at, size_t wanted, CatalogPage& page) {
  while (page.entries.size() < wanted) {
    ASSIGN_OR_RETURN(const std::vector<ListedImage> names,
                     store.Names(at.image, wanted - page.entries.size()));
    if (names.empty()) {
      return absl::OkStatus();
    }
    std::vector<absl::StatusOr<Sight>> sights = LookAll(store, names, Detail::kForList);
    for (size_t i = 0; i < names.size(); ++i) {
      at.image = names[i].name;
      if (absl::IsPermissionDenied(sights[i].status())) {
        return sights[i].status();  // this user's trouble, not a volume's
      }
      if (IsListed(store, at.image, sights[i])) {
        page.entries.push_back({at, std::move(sights[i]), store.OwnClient()});
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<absl::StatusOr<Sight>> LookAll(ImageStore& store, const std::vector<ListedImage>& names,
                                           Detail detail) {
  std::vector<std::string> ids(names.size());
  std::transform(names.begin(), names.end(), ids.begin(),
                 [](const ListedImage& image) { return image.id; });
  return store.LookByIds(ids, detail);
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
