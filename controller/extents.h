// Ranges of bytes of a volume, one after the other, from wherever they come.
//
// Sources are asked from left to right and hold little, so that a volume of any size is passed in
// bounded memory. Offsets and sizes in bytes. One thread; object extents, unions and clips never
// fail on their own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/object_map.h"

namespace rbdcsi {

struct Extent {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t end() const { return offset + size; }

  friend bool operator==(const Extent&, const Extent&) = default;
};

class ExtentSource {
 public:
  virtual ~ExtentSource() = default;
  // The first one that ends after `from`, which never decreases; it may begin before. Nullopt: none
  // is left.
  virtual absl::StatusOr<std::optional<Extent>> Next(uint64_t from) = 0;
};

// The bytes of an image of that size which lie in these objects.
std::unique_ptr<ExtentSource> ObjectExtents(const ObjectLayout& layout, ObjectSet objects,
                                            uint64_t image_bytes);
// What lies within `window`.
std::unique_ptr<ExtentSource> Clip(std::unique_ptr<ExtentSource> source, const Extent& window);
// What is in any of them; the one that begins first comes first, they may overlap.
std::unique_ptr<ExtentSource> Union(std::vector<std::unique_ptr<ExtentSource>> sources);

// Calls `found` for all that ends after `from`, in order; what touches or overlaps is one range.
absl::Status ForEachRange(ExtentSource& source, uint64_t from,
                          const std::function<absl::Status(const Extent&)>& found);

}  // namespace rbdcsi
