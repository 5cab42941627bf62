#include "controller/node_table.h"

#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "controller/omap.h"
#include "csi/status.h"

namespace rbdcsi::node_table {
namespace {

constexpr char kGeneration[] = "#";  // no image id

std::string Object(const std::string& node) { return absl::StrCat("rbd-csi.node.", node); }

void AddEntry(std::string_view key, std::string_view value, NodeVolumes* volumes) {
  if (key == kGeneration) {
    volumes->generation = value;
    return;
  }
  int64_t seconds = 0;
  volumes->added[std::string(key)] =
      absl::SimpleAtoi(Sv(value), &seconds) ? absl::FromUnixSeconds(seconds) : absl::InfinitePast();
}

}  // namespace

int Read(Pool& pool, const std::string& node, NodeVolumes* volumes) {
  return omap::ReadAll(pool, Object(node), [volumes](std::string_view key, std::string_view value) {
    AddEntry(key, value, volumes);
  });
}

int Add(Pool& pool, const std::string& node, const Addition& addition) {
  uint64_t generation = 0;
  if (!addition.generation.empty() && !absl::SimpleAtoi(addition.generation, &generation)) {
    return -EIO;
  }
  WriteOp op(WriteOp::Start::kMayCreate);
  rados_write_op_create(op.get(), LIBRADOS_CREATE_IDEMPOTENT, nullptr);
  omap::OnlyIf(op, kGeneration, addition.generation);
  omap::Set(op, kGeneration, absl::StrCat(generation + 1));
  omap::Set(op, addition.id, absl::StrCat(absl::ToUnixSeconds(absl::Now())));
  return op.Run(pool, Object(node));
}

int Remove(Pool& pool, const std::string& node, const std::vector<std::string>& ids) {
  if (ids.empty()) {
    return 0;
  }
  WriteOp op;
  omap::Remove(op, ids);
  const int r = op.Run(pool, Object(node), true);
  return r == -ENOENT ? 0 : r;
}

}  // namespace rbdcsi::node_table
