#include "controller/node_table.h"

#include <array>
#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "csi/status.h"

namespace rbdcsi::node_table {
namespace {

constexpr char kGeneration[] = "#";        // no image id
constexpr uint64_t kEntriesPerRead = 512;  // an OSD gives no more than 1024 by default

std::string Object(const std::string& node) { return absl::StrCat("rbd-csi.node.", node); }

// The last key read.
std::string Collect(rados_omap_iter_t values, NodeVolumes* volumes) {
  char* key = nullptr;
  char* value = nullptr;
  size_t key_size = 0;
  size_t value_size = 0;
  std::string last;
  while (rados_omap_get_next2(values, &key, &value, &key_size, &value_size) == 0 &&
         key != nullptr) {
    last.assign(key, key_size);
    const absl::string_view text(value, value_size);
    if (last == kGeneration) {
      volumes->generation = std::string(text);
      continue;
    }
    int64_t seconds = 0;
    volumes->added[last] =
        absl::SimpleAtoi(text, &seconds) ? absl::FromUnixSeconds(seconds) : absl::InfinitePast();
  }
  rados_omap_get_end(values);
  return last;
}

}  // namespace

int Read(Pool& pool, const std::string& node, NodeVolumes* volumes) {
  std::string after;
  unsigned char more = 1;
  while (more != 0) {
    ReadOp op;
    rados_omap_iter_t values = nullptr;
    int result = 0;
    rados_read_op_omap_get_vals2(op.get(), after.c_str(), "", kEntriesPerRead, &values, &more,
                                 &result);
    const int r = op.Run(pool, Object(node));
    if (values != nullptr) {
      after = Collect(values, volumes);
    }
    if (r < 0) {
      return r == -ENOENT ? 0 : r;
    }
  }
  return 0;
}

int Add(Pool& pool, const std::string& node, const Addition& addition) {
  uint64_t generation = 0;
  if (!addition.generation.empty() && !absl::SimpleAtoi(addition.generation, &generation)) {
    return -EIO;
  }
  const std::string next = absl::StrCat(generation + 1);
  const std::string now = absl::StrCat(absl::ToUnixSeconds(absl::Now()));
  WriteOp op(WriteOp::Start::kMayCreate);
  rados_write_op_create(op.get(), LIBRADOS_CREATE_IDEMPOTENT, nullptr);
  // The OSD takes a missing key for an empty one when it compares (measured, tests/live).
  rados_write_op_omap_cmp2(op.get(), kGeneration, LIBRADOS_CMPXATTR_OP_EQ,
                           addition.generation.data(), sizeof(kGeneration) - 1,
                           addition.generation.size(), nullptr);
  const std::array<const char*, 2> keys = {kGeneration, addition.id.c_str()};
  const std::array<const char*, 2> values = {next.c_str(), now.c_str()};
  const std::array<size_t, 2> key_sizes = {sizeof(kGeneration) - 1, addition.id.size()};
  const std::array<size_t, 2> value_sizes = {next.size(), now.size()};
  rados_write_op_omap_set2(op.get(), keys.data(), values.data(), key_sizes.data(),
                           value_sizes.data(), keys.size());
  return op.Run(pool, Object(node));
}

int Remove(Pool& pool, const std::string& node, const std::vector<std::string>& ids) {
  if (ids.empty()) {
    return 0;
  }
  std::vector<const char*> keys;
  std::vector<size_t> sizes;
  for (const std::string& id : ids) {
    keys.push_back(id.c_str());
    sizes.push_back(id.size());
  }
  WriteOp op;
  rados_write_op_omap_rm_keys2(op.get(), keys.data(), sizes.data(), keys.size());
  const int r = op.Run(pool, Object(node), true);
  return r == -ENOENT ? 0 : r;
}

}  // namespace rbdcsi::node_table
