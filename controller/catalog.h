// All volumes, page by page.
//
// The order is that of (cluster, pool, namespace, image), and a page's token is the last entry of
// the page, so it stays good when volumes come and go between pages. One read of the pool's
// directory per page, one read of a header per volume, many at a time. Blocking; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/stores.h"

namespace rbdcsi {

struct Position {
  Place place;
  std::string image;  // the last one seen there; empty: none

  // "cluster/pool/namespace/image", the namespace may be empty.
  std::string ToString() const;
  static std::optional<Position> Parse(std::string_view token);
};

struct CatalogEntry {
  Position position;
  // An error, or a look at something without a header: a volume that is in trouble (condition.h).
  absl::StatusOr<Sight> sight;
  uint64_t own_client = 0;  // of the connection that saw it
};

struct CatalogPage {
  std::vector<CatalogEntry> entries;
  bool more = false;
};

// At most `limit` volumes after `after`; 0: all of them.
absl::StatusOr<CatalogPage> ListPage(Stores& stores, const Position& after, size_t limit);

// Looks at all of `names` by id, many at a time; the answers are in the same order.
std::vector<absl::StatusOr<Sight>> LookAll(ImageStore& store, const std::vector<ListedImage>& names,
                                           Detail detail);

}  // namespace rbdcsi
