#include "csi/volume_id.h"

#include <openssl/sha.h>

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr size_t kMaxPlainName = 48;
constexpr size_t kHashDigits = 40;

bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxPlainName && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' ||
                  c == '-';
         });
}

std::string Sha256Hex(std::string_view text) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return absl::BytesToHexString(digest);
}

}  // namespace

bool IsIdPart(std::string_view text) {
  return !text.empty() && text.front() != '-' && text != "." && text != ".." &&
         std::none_of(text.begin(), text.end(), [](char c) {
           return c == '/' || c == '@' || absl::ascii_iscntrl(static_cast<unsigned char>(c));
         });
}

std::optional<VolumeId> VolumeId::Parse(std::string_view text) {
  if (text.size() > kMaxIdBytes) {
    return std::nullopt;
  }
  const std::vector<std::string> parts = absl::StrSplit(Sv(text), '/');
  if ((parts.size() != 3 && parts.size() != 4) ||
      !std::all_of(parts.begin(), parts.end(), IsIdPart)) {
    return std::nullopt;
  }
  return VolumeId{.cluster = parts[0],
                  .pool = parts[1],
                  .rados_namespace = parts.size() == 4 ? parts[2] : "",
                  .image = parts.back()};
}

std::string VolumeId::ToString() const { return absl::StrCat(cluster, "/", Spec()); }

std::string VolumeId::Spec() const {
  if (rados_namespace.empty()) {
    return absl::StrCat(pool, "/", image);
  }
  return absl::StrCat(pool, "/", rados_namespace, "/", image);
}

std::string ImageNameFor(std::string_view volume_name) {
  if (IsPlainName(volume_name)) {
    return absl::StrCat(Sv(kImagePrefix), Sv(volume_name));
  }
  return absl::StrCat(Sv(kImagePrefix), "=", Sha256Hex(volume_name).substr(0, kHashDigits));
}

}  // namespace rbdcsi
