#include "controller/flatten_marks.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

namespace rbdcsi {
namespace {

constexpr int kVersion = 1;
constexpr char kChain[] = "chain";
constexpr char kSnapshots[] = "snapshots";
constexpr uint64_t kPage = 1000;

// One page after the last of `marks` in order of ids, appended; `last` is the id it ends with.
int ReadPage(Pool& pool, std::string* last, std::vector<FlattenMark>* marks, bool* more) {
  ReadOp op;
  rados_omap_iter_t values = nullptr;
  unsigned char rest = 0;
  int result = 0;
  rados_read_op_omap_get_vals2(op.get(), last->c_str(), "", kPage, &values, &rest, &result);
  const int r = op.Run(pool, flatten_marks::kObject);
  *more = rest != 0;
  if (values == nullptr) {
    return r;
  }
  char* key = nullptr;
  char* value = nullptr;
  size_t key_size = 0;
  size_t value_size = 0;
  while (r >= 0 && rados_omap_get_next2(values, &key, &value, &key_size, &value_size) == 0 &&
         key != nullptr) {
    last->assign(key, key_size);
    if (auto mark = FlattenMark::FromJson(*last, {value, value_size}); mark.has_value()) {
      marks->push_back(*std::move(mark));
    }
  }
  rados_omap_get_end(values);
  return r;
}

}  // namespace

std::string FlattenMark::ToJson() const {
  const nlohmann::json json = {{"v", kVersion},
                               {"why", why == Why::kChain ? kChain : kSnapshots},
                               {"since", absl::ToUnixMillis(since)},
                               {"percent", percent}};
  return json.dump();
}

std::optional<FlattenMark> FlattenMark::FromJson(std::string_view image_id, std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return std::nullopt;
  }
  try {
    const std::string why = json.value("why", "");
    if (json.value("v", 0) != kVersion || (why != kChain && why != kSnapshots)) {
      return std::nullopt;
    }
    return FlattenMark{.image_id = std::string(image_id),
                       .why = why == kChain ? Why::kChain : Why::kSnapshots,
                       .since = absl::FromUnixMillis(json.value("since", int64_t{0})),
                       .percent = json.value("percent", 0)};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;  // a key of another type than ours
  }
}

namespace flatten_marks {

int Read(Pool& pool, std::vector<FlattenMark>* marks) {
  std::string last;
  bool more = true;
  while (more) {
    const int r = ReadPage(pool, &last, marks, &more);
    if (r == -ENOENT) {
      return 0;  // the pool's first mark makes the object
    }
    if (r < 0) {
      return r;
    }
  }
  std::stable_sort(marks->begin(), marks->end(),
                   [](const FlattenMark& a, const FlattenMark& b) { return a.since < b.since; });
  return 0;
}

int ReadOne(Pool& pool, const std::string& image_id, std::optional<FlattenMark>* mark) {
  ReadOp op;
  const std::array keys = {image_id.c_str()};
  const std::array sizes = {image_id.size()};
  rados_omap_iter_t values = nullptr;
  int result = 0;
  rados_read_op_omap_get_vals_by_keys2(op.get(), keys.data(), keys.size(), sizes.data(), &values,
                                       &result);
  const int r = op.Run(pool, kObject);
  const std::string found = values != nullptr ? FirstOmapValue(values) : std::string();
  *mark = FlattenMark::FromJson(image_id, found);
  return r == -ENOENT ? 0 : r;
}

int Write(Pool& pool, const FlattenMark& mark, bool only_new) {
  WriteOp op(WriteOp::Start::kMayCreate);
  rados_write_op_create(op.get(), LIBRADOS_CREATE_IDEMPOTENT, nullptr);
  const char* key = mark.image_id.c_str();
  const size_t key_size = mark.image_id.size();
  if (only_new) {
    // The OSD takes a missing key for an empty one when it compares (measured, tests/live).
    rados_write_op_omap_cmp2(op.get(), key, LIBRADOS_CMPXATTR_OP_EQ, "", key_size, 0, nullptr);
  }
  const std::string json = mark.ToJson();
  const char* value = json.data();
  const size_t value_size = json.size();
  rados_write_op_omap_set2(op.get(), &key, &value, &key_size, &value_size, 1);
  return op.Run(pool, kObject);
}

int Remove(Pool& pool, const std::string& image_id) {
  WriteOp op;
  const char* key = image_id.c_str();
  const size_t key_size = image_id.size();
  rados_write_op_omap_rm_keys2(op.get(), &key, &key_size, 1);
  const int r = op.Run(pool, kObject, true);
  return r == -ENOENT ? 0 : r;
}

}  // namespace flatten_marks
}  // namespace rbdcsi
