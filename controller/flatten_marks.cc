#include "controller/flatten_marks.h"

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "controller/json_number.h"
#include "controller/omap.h"

namespace rbdcsi {
namespace {

constexpr int kVersion = 1;
constexpr char kChain[] = "chain";
constexpr char kSnapshots[] = "snapshots";

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
  const auto why = json.find("why");
  FlattenMark mark = {.image_id = std::string(image_id), .since = absl::UnixEpoch()};
  int version = 0;
  int64_t since = 0;
  if (!ReadNumber(json, "v", &version) || version != kVersion ||
      !ReadNumber(json, "since", &since) || !ReadNumber(json, "percent", &mark.percent) ||
      why == json.end() || (*why != kChain && *why != kSnapshots)) {
    return std::nullopt;
  }
  mark.why = *why == kChain ? Why::kChain : Why::kSnapshots;
  mark.since = absl::FromUnixMillis(since);
  return mark;
}

namespace flatten_marks {

int Read(Pool& pool, std::vector<FlattenMark>* marks) {
  // The pool's first mark makes the object.
  const int r = omap::ReadAll(pool, kObject, [marks](std::string_view id, std::string_view json) {
    if (auto mark = FlattenMark::FromJson(id, json); mark.has_value()) {
      marks->push_back(*std::move(mark));
    }
  });
  std::stable_sort(marks->begin(), marks->end(),
                   [](const FlattenMark& a, const FlattenMark& b) { return a.since < b.since; });
  return r;
}

int ReadOne(Pool& pool, const std::string& image_id, std::optional<FlattenMark>* mark) {
  std::string json;
  const int r = omap::ReadValue(pool, kObject, image_id, &json);
  *mark = FlattenMark::FromJson(image_id, json);
  return r;
}

int Write(Pool& pool, const FlattenMark& mark, bool only_new) {
  WriteOp op(WriteOp::Start::kMayCreate);
  rados_write_op_create(op.get(), LIBRADOS_CREATE_IDEMPOTENT, nullptr);
  if (only_new) {
    omap::OnlyIf(op, mark.image_id, "");
  }
  omap::Set(op, mark.image_id, mark.ToJson());
  return op.Run(pool, kObject);
}

int Remove(Pool& pool, const std::string& image_id) {
  WriteOp op;
  omap::Remove(op, {image_id});
  const int r = op.Run(pool, kObject, true);
  return r == -ENOENT ? 0 : r;
}

}  // namespace flatten_marks
}  // namespace rbdcsi
