#include "csi/node_id.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr std::string_view kVersion = "v1";
constexpr size_t kMaxNodeIdBytes = 192;

bool IsName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c));
  });
}

// One address has one spelling, so that ids and Ceph's lock and watcher lists compare as text.
bool IsCanonicalAddress(const std::string& text) {
  for (const int family : {AF_INET, AF_INET6}) {
    std::array<unsigned char, sizeof(in6_addr)> binary{};
    std::array<char, INET6_ADDRSTRLEN> spelled{};
    if (inet_pton(family, text.c_str(), binary.data()) == 1 &&
        inet_ntop(family, binary.data(), spelled.data(), spelled.size()) != nullptr) {
      return text == spelled.data();
    }
  }
  return false;
}

}  // namespace

std::optional<NodeId> NodeId::Parse(std::string_view text) {
  if (text.size() > kMaxNodeIdBytes) {
    return std::nullopt;
  }
  const std::vector<std::string> parts = absl::StrSplit(Sv(text), '/');
  if (parts.size() < 3 || parts.size() > 4 || parts[0] != kVersion || !IsName(parts[1]) ||
      !IsCanonicalAddress(parts[2])) {
    return std::nullopt;
  }
  NodeId id{.name = parts[1], .address = parts[2]};
  // One spelling here too: no sign, no leading zero, and no limit is no fourth part.
  if (parts.size() == 4 && (!absl::SimpleAtoi(parts[3], &id.max_volumes) || id.max_volumes == 0 ||
                            absl::StrCat(id.max_volumes) != parts[3])) {
    return std::nullopt;
  }
  return id;
}

std::string NodeId::ToString() const {
  std::string text = absl::StrCat(Sv(kVersion), "/", name, "/", address);
  if (max_volumes != 0) {
    absl::StrAppend(&text, "/", max_volumes);
  }
  return text;
}

bool IsSameNode(std::string_view left, std::string_view right) {
  const auto one = NodeId::Parse(left);
  const auto other = NodeId::Parse(right);
  return one.has_value() && other.has_value()
             ? one->name == other->name && one->address == other->address
             : left == right;
}

}  // namespace rbdcsi
