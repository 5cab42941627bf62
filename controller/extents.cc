#include "controller/extents.h"

#include <algorithm>
#include <utility>

#include "csi/status.h"

namespace rbdcsi {
namespace {

class InObjects final : public ExtentSource {
 public:
  InObjects(const ObjectLayout& layout, ObjectSet objects, uint64_t image_bytes)
      : layout_(layout), objects_(std::move(objects)), image_bytes_(image_bytes) {}

  absl::StatusOr<std::optional<Extent>> Next(uint64_t from) override {
    if (from >= image_bytes_) {
      return std::nullopt;  // the last object may reach further
    }
    uint64_t first = from / layout_.stripe_unit * layout_.stripe_unit;
    while (first < image_bytes_ && !Has(first)) {
      first += layout_.stripe_unit;
    }
    if (first >= image_bytes_) {
      return std::nullopt;
    }
    uint64_t end = first;
    while (end < image_bytes_ && Has(end)) {
      end += layout_.stripe_unit;
    }
    return Extent{.offset = first, .size = std::min(end, image_bytes_) - first};
  }

 private:
  // Stripe units go round the objects of a set until these are full.
  bool Has(uint64_t offset) const {
    const uint64_t unit = offset / layout_.stripe_unit;
    const uint64_t set = offset / (layout_.object_bytes * layout_.stripe_count);
    const uint64_t object = set * layout_.stripe_count + unit % layout_.stripe_count;
    return object < objects_.size() && objects_[object];
  }

  ObjectLayout layout_;
  ObjectSet objects_;
  uint64_t image_bytes_;
};

class Clipped final : public ExtentSource {
 public:
  Clipped(std::unique_ptr<ExtentSource> source, const Extent& window)
      : source_(std::move(source)), window_(window) {}

  absl::StatusOr<std::optional<Extent>> Next(uint64_t from) override {
    if (window_.size == 0 || from >= window_.end()) {
      return std::nullopt;
    }
    ASSIGN_OR_RETURN(const std::optional<Extent> next,
                     source_->Next(std::max(from, window_.offset)));
    if (!next.has_value() || next->offset >= window_.end()) {
      return std::nullopt;
    }
    const uint64_t first = std::max(next->offset, window_.offset);
    return Extent{.offset = first, .size = std::min(next->end(), window_.end()) - first};
  }

 private:
  std::unique_ptr<ExtentSource> source_;
  Extent window_;
};

class United final : public ExtentSource {
 public:
  explicit United(std::vector<std::unique_ptr<ExtentSource>> sources) {
    for (auto& source : sources) {
      parts_.push_back({std::move(source), Extent{}});
    }
  }

  absl::StatusOr<std::optional<Extent>> Next(uint64_t from) override {
    std::optional<Extent> first;
    for (Part& part : parts_) {
      if (part.next.has_value() && part.next->end() <= from) {
        ASSIGN_OR_RETURN(part.next, part.source->Next(from));
      }
      if (part.next.has_value() && (!first.has_value() || part.next->offset < first->offset)) {
        first = part.next;
      }
    }
    return first;
  }

 private:
  struct Part {
    std::unique_ptr<ExtentSource> source;
    std::optional<Extent> next;  // empty at the beginning: ends nowhere, so it is asked for
  };
  std::vector<Part> parts_;
};

}  // namespace

std::unique_ptr<ExtentSource> ObjectExtents(const ObjectLayout& layout, ObjectSet objects,
                                            uint64_t image_bytes) {
  return std::make_unique<InObjects>(layout, std::move(objects), image_bytes);
}

std::unique_ptr<ExtentSource> Clip(std::unique_ptr<ExtentSource> source, const Extent& window) {
  return std::make_unique<Clipped>(std::move(source), window);
}

std::unique_ptr<ExtentSource> Union(std::vector<std::unique_ptr<ExtentSource>> sources) {
  return std::make_unique<United>(std::move(sources));
}

absl::Status ForEachRange(ExtentSource& source, uint64_t from,
                          const std::function<absl::Status(const Extent&)>& found) {
  std::optional<Extent> range;
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Extent> next, source.Next(range ? range->end() : from));
    if (!next.has_value()) {
      return range.has_value() ? found(*range) : absl::OkStatus();
    }
    if (range.has_value() && next->offset <= range->end()) {
      range->size = next->end() - range->offset;
      continue;
    }
    if (range.has_value()) {
      RETURN_IF_ERROR(found(*range));
    }
    range = next;
  }
}

}  // namespace rbdcsi
