// The first 4 KiB of a device: whoever could write to the volume wrote them.
#include <algorithm>
#include <limits>
#include <string>

#include "csi/status.h"
#include "node/filesystem.h"
#include "node/superblock.h"
#include "tests/fuzz/fuzz.h"

namespace rbdcsi::fuzz {
namespace {

uint64_t Number(std::string_view bytes, bool little) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const size_t at = little ? bytes.size() - 1 - i : i;
    value = value << 8 | static_cast<unsigned char>(bytes[at]);
  }
  return value;
}

// The number of blocks, read a second time, from where the file systems' documents have it.
uint64_t BlocksOf(std::string_view head, const Superblock& found) {
  if (found.type == "xfs") {
    return Number(head.substr(8, 8), false);
  }
  const std::string_view super = head.substr(1024);
  const bool wide = (Number(super.substr(0x60, 4), true) & 0x80) != 0;
  return Number(super.substr(0x4, 4), true) |
         (wide ? Number(super.substr(0x150, 4), true) << 32 : 0);
}

}  // namespace

void Fuzz(std::string_view input) {
  HOLDS(input.size() >= kSuperblockBytes || !ParseSuperblock(Sv(input)).has_value());
  std::string head(input.substr(0, kSuperblockBytes));
  head.resize(kSuperblockBytes);
  const std::optional<Superblock> found = ParseSuperblock(head);
  if (!found.has_value()) {
    return;
  }
  HOLDS(found->type == "ext4" || found->type == "xfs");
  HOLDS(found->block_bytes >= 512 && found->block_bytes <= 65536);
  HOLDS(!found->incomplete || found->type == "xfs");
  HOLDS(!found->has_errors || found->type == "ext4");
  // Growing, and believing a format mark, go by the size: it may not have wrapped.
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  const uint64_t blocks = BlocksOf(head, *found);
  HOLDS(found->size_bytes / found->block_bytes == std::min(blocks, kMost / found->block_bytes));
  constexpr uint64_t kDevice = uint64_t{1} << 30;
  HOLDS(!CanGrow(found->size_bytes, kDevice) || found->size_bytes < kDevice);
}

}  // namespace rbdcsi::fuzz
