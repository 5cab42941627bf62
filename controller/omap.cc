#include "controller/omap.h"

#include <array>
#include <cerrno>

namespace rbdcsi::omap {
namespace {

// Ends the iterator of a read that ended with `result`. It is there also when the read has failed,
// but without a beginning when no OSD has answered: looking into it then is a crash (librados 16).
void ForEach(rados_omap_iter_t values, int result, const Found& found) {
  if (values == nullptr) {
    return;
  }
  char* key = nullptr;
  char* value = nullptr;
  size_t key_size = 0;
  size_t value_size = 0;
  while (result >= 0 && rados_omap_get_next2(values, &key, &value, &key_size, &value_size) == 0 &&
         key != nullptr) {
    found({key, key_size}, {value, value_size});
  }
  rados_omap_get_end(values);
}

}  // namespace

int ReadPage(Pool& pool, const std::string& object, const Range& range, const Found& found,
             bool* more) {
  ReadOp op;
  rados_omap_iter_t values = nullptr;
  unsigned char rest = 0;
  int result = 0;
  rados_read_op_omap_get_vals2(op.get(), range.after.c_str(), range.prefix.c_str(), range.limit,
                               &values, &rest, &result);
  const int r = op.Run(pool, object);
  ForEach(values, r, found);
  *more = rest != 0;
  return r;
}

int ReadAll(Pool& pool, const std::string& object, const Found& found) {
  Range range;
  bool more = true;
  while (more) {
    const int r = ReadPage(
        pool, object, range,
        [&](std::string_view key, std::string_view value) {
          range.after = key;
          found(key, value);
        },
        &more);
    if (r < 0) {
      return r == -ENOENT ? 0 : r;
    }
  }
  return 0;
}

int ReadValue(Pool& pool, const std::string& object, const std::string& key, std::string* value) {
  ReadOp op;
  const std::array keys = {key.c_str()};
  const std::array sizes = {key.size()};
  rados_omap_iter_t values = nullptr;
  int result = 0;
  rados_read_op_omap_get_vals_by_keys2(op.get(), keys.data(), keys.size(), sizes.data(), &values,
                                       &result);
  const int r = op.Run(pool, object);
  value->clear();
  ForEach(values, r, [value](std::string_view, std::string_view found) { *value = found; });
  return r == -ENOENT ? 0 : r;
}

void OnlyIf(WriteOp& op, std::string_view key, std::string_view value) {
  rados_write_op_omap_cmp2(op.get(), key.data(), LIBRADOS_CMPXATTR_OP_EQ, value.data(), key.size(),
                           value.size(), nullptr);
}

void Set(WriteOp& op, std::string_view key, std::string_view value) {
  const char* key_bytes = key.data();
  const char* value_bytes = value.data();
  const size_t key_size = key.size();
  const size_t value_size = value.size();
  rados_write_op_omap_set2(op.get(), &key_bytes, &value_bytes, &key_size, &value_size, 1);
}

void Remove(WriteOp& op, const std::vector<std::string>& keys) {
  std::vector<const char*> bytes;
  std::vector<size_t> sizes;
  for (const std::string& key : keys) {
    bytes.push_back(key.c_str());
    sizes.push_back(key.size());
  }
  rados_write_op_omap_rm_keys2(op.get(), bytes.data(), sizes.data(), bytes.size());
}

}  // namespace rbdcsi::omap
