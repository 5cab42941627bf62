// The few facts that the node needs from the superblock of ext4 and xfs, read without a helper
// program: which it is, how big, and whether the kernel found errors in it.
//
// Layouts: Documentation/filesystems/ext4/super.rst, fs/xfs/libxfs/xfs_format.h. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace rbdcsi {

struct Superblock {
  std::string type;         // "ext4" (also for ext2 and ext3, which the same driver mounts), "xfs"
  uint64_t size_bytes = 0;  // what the file system says that it covers
  uint32_t block_bytes = 0;
  bool has_errors = false;  // ext4: the error flag; xfs keeps none
  bool incomplete = false;  // xfs: mkfs did not finish
};

inline constexpr size_t kSuperblockBytes = 4096;

// `head`: the first kSuperblockBytes of the device.
std::optional<Superblock> ParseSuperblock(absl::string_view head);

}  // namespace rbdcsi
