#include "csi/snapshot_id.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

// Stands in for an image that the id leaves out, where VolumeId wants one.
constexpr char kAnyImage[] = "*";

bool IsSnapshotName(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) {
    return c == '@' || c == '/' || absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
}

}  // namespace

std::optional<SnapshotId> SnapshotId::Parse(std::string_view text) {
  const size_t at = text.find('@');
  if (at == std::string_view::npos || text.size() > kMaxIdBytes ||
      !IsSnapshotName(text.substr(at + 1))) {
    return std::nullopt;
  }
  std::string volume_text(text.substr(0, at));
  const bool any_image = !volume_text.empty() && volume_text.back() == '/';
  if (any_image) {
    volume_text += kAnyImage;
  }
  std::optional<VolumeId> volume = VolumeId::Parse(volume_text);
  if (!volume.has_value()) {
    return std::nullopt;
  }
  if (any_image) {
    volume->image.clear();
  }
  return SnapshotId{.volume = *std::move(volume), .snapshot = std::string(text.substr(at + 1))};
}

std::string SnapshotId::ToString() const {
  std::string text = absl::StrCat(volume.ToString(), "@", snapshot);
  if (text.size() <= kMaxIdBytes) {
    return text;
  }
  VolumeId without_image = volume;
  without_image.image.clear();
  return absl::StrCat(without_image.ToString(), "@", snapshot);
}

}  // namespace rbdcsi
