#include "controller/rbd_copy_up.h"

#include <algorithm>
#include <cerrno>
#include <string>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "csi/step.h"

namespace rbdcsi {
namespace {

constexpr uint64_t kTouched = 512;  // bytes that are written again

struct Layout {
  uint64_t object_size = 0;
  uint64_t stripe_unit = 0;
  uint64_t stripe_count = 0;
  uint64_t overlap = 0;  // from here on nothing is the parent's
  std::string prefix;    // of the data objects

  uint64_t Objects() const {
    const uint64_t set = object_size * stripe_count;
    return (overlap + set - 1) / set * stripe_count;
  }
  // Where the image has the stripe unit number `unit` of an object.
  uint64_t Offset(uint64_t object, uint64_t unit) const {
    return object / stripe_count * object_size * stripe_count + unit * stripe_unit * stripe_count +
           object % stripe_count * stripe_unit;
  }
};

int ReadLayout(Image& image, Layout* layout) {
  rbd_image_info_t info = {};
  int r = rbd_stat(image.get(), &info, sizeof(info));
  if (r == 0) {
    r = rbd_get_stripe_unit(image.get(), &layout->stripe_unit);
  }
  if (r == 0) {
    r = rbd_get_stripe_count(image.get(), &layout->stripe_count);
  }
  if (r == 0) {
    r = rbd_get_overlap(image.get(), &layout->overlap);
    r = r == -ENOENT ? 0 : r;  // no parent
  }
  layout->object_size = info.obj_size;
  layout->prefix = info.block_name_prefix;
  return r;
}

bool IsZero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

class ObjectCopier {
 public:
  ObjectCopier(Pool& data, Image& image, Layout layout)
      : data_(data),
        image_(image),
        layout_(std::move(layout)),
        buffer_(layout_.stripe_unit, '\0') {}

  int Copy(uint64_t object) {
    const std::string name = layout_.prefix + absl::StrFormat(".%016x", object);
    const int r = rados_stat(data_.get(), name.c_str(), nullptr, nullptr);
    if (r != -ENOENT) {
      return r;
    }
    for (uint64_t unit = 0; unit < layout_.object_size / layout_.stripe_unit; ++unit) {
      const uint64_t offset = layout_.Offset(object, unit);
      const int touched = offset < layout_.overlap ? TouchUnlessZero(offset) : 0;
      if (touched != 0) {
        return std::min(touched, 0);
      }
    }
    return 0;
  }

 private:
  // 1: the object exists now.
  int TouchUnlessZero(uint64_t offset) {
    const uint64_t size = std::min(layout_.stripe_unit, layout_.overlap - offset);
    const ssize_t got = rbd_read(image_.get(), offset, size, buffer_.data());
    if (got < 0 || IsZero({buffer_.data(), static_cast<size_t>(got)})) {
      return static_cast<int>(std::min<ssize_t>(got, 0));
    }
    uint64_t mismatch = 0;
    const Step step("copy up an object");
    const ssize_t written = rbd_compare_and_write(image_.get(), offset, std::min(size, kTouched),
                                                  buffer_.data(), buffer_.data(), &mismatch, 0);
    // EILSEQ: somebody has written there meanwhile, which has made the object as well.
    return written < 0 && written != -EILSEQ ? static_cast<int>(written) : 1;
  }

  Pool& data_;
  Image& image_;
  const Layout layout_;
  std::string buffer_;
};

}  // namespace

int CopyUp(Pool& pool, Image& image, absl::Time end, FlattenProgress& progress) {
  Layout layout;
  if (const int r = ReadLayout(image, &layout); r < 0) {
    return r;
  }
  const int64_t data_pool = rbd_get_data_pool_id(image.get());
  absl::StatusOr<Pool> data = pool.Sibling(
      data_pool >= 0 ? data_pool : rados_ioctx_get_id(pool.get()), pool.path().rados_namespace);
  if (!data.ok()) {
    return -EIO;
  }
  progress.objects = layout.Objects();
  ObjectCopier copier(*data, image, layout);
  while (progress.next < progress.objects) {
    if (progress.stop || absl::Now() > end) {
      return progress.stop ? -EINTR : -EAGAIN;
    }
    if (const int r = copier.Copy(progress.next); r < 0) {
      return r;
    }
    ++progress.next;
    progress.percent = static_cast<int>(progress.next * 100 / progress.objects);
  }
  return 0;
}

}  // namespace rbdcsi
