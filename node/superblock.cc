#include "node/superblock.h"

#include <limits>

#include "absl/strings/match.h"

namespace rbdcsi {
namespace {

uint64_t Little(absl::string_view data, size_t offset, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = bytes; i-- > 0;) {
    value = (value << 8) | static_cast<unsigned char>(data[offset + i]);
  }
  return value;
}

uint64_t Big(absl::string_view data, size_t offset, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value = (value << 8) | static_cast<unsigned char>(data[offset + i]);
  }
  return value;
}

// A superblock that claims more than there are numbers claims all of them.
uint64_t Product(uint64_t blocks, uint64_t block_bytes) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  return blocks > kMost / block_bytes ? kMost : blocks * block_bytes;
}

std::optional<Superblock> ParseExt4(absl::string_view super) {
  constexpr uint64_t kMagic = 0xef53;
  constexpr uint64_t kErrorState = 0x2;
  constexpr uint64_t k64Bit = 0x80;
  const uint64_t log_block = Little(super, 0x18, 4);
  if (Little(super, 0x38, 2) != kMagic || log_block > 6) {
    return std::nullopt;
  }
  uint64_t blocks = Little(super, 0x4, 4);
  if ((Little(super, 0x60, 4) & k64Bit) != 0) {
    blocks |= Little(super, 0x150, 4) << 32;
  }
  Superblock result;
  result.type = "ext4";
  result.block_bytes = 1024U << log_block;
  result.size_bytes = Product(blocks, result.block_bytes);
  result.has_errors = (Little(super, 0x3a, 2) & kErrorState) != 0;
  return result;
}

std::optional<Superblock> ParseXfs(absl::string_view super) {
  const uint64_t block = Big(super, 4, 4);
  if (!absl::StartsWith(super, "XFSB") || block < 512 || block > 65536) {
    return std::nullopt;
  }
  Superblock result;
  result.type = "xfs";
  result.block_bytes = static_cast<uint32_t>(block);
  result.size_bytes = Product(Big(super, 8, 8), block);
  result.incomplete = super[126] != 0;
  return result;
}

}  // namespace

std::optional<Superblock> ParseSuperblock(absl::string_view head) {
  if (head.size() < kSuperblockBytes) {
    return std::nullopt;
  }
  if (std::optional<Superblock> xfs = ParseXfs(head)) {
    return xfs;
  }
  return ParseExt4(head.substr(1024));
}

}  // namespace rbdcsi
