// What is on a block device: nothing at all, one known thing, or something that must not be
// touched.
//
// Reads only. "Blank" is proven, not assumed: libblkid's full probing (file systems, RAID, LVM,
// LUKS, swap, partition tables) finds nothing AND the first and the last MiB hold only zeros. blkid
// finding nothing is not enough: a probe that failed to read looks the same. Reads of a device
// whose cluster is away wait in the kernel; they end when it is back or the device is unmapped. Any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "node/superblock.h"
#include "node/unique_fd.h"

namespace rbdcsi {

enum class ContentKind {
  kBlank,       // proven
  kFormatting,  // our own mkfs did not finish: format_mark.h
  kFilesystem,  // ext4 or xfs: `superblock` says which
  kOther,       // `what` says, as far as anyone can tell
};

struct Content {
  ContentKind kind = ContentKind::kOther;
  std::optional<Superblock> superblock;  // kFilesystem
  std::string what;                      // kOther: "a LUKS signature", "data of an unknown kind"
};

// `device` may also be a plain file (tests). UNAVAILABLE: it could not be read.
absl::StatusOr<Content> ProbeDevice(const std::string& device);

// The whole of [offset, offset + size) is zero.
struct Range {
  uint64_t offset = 0;
  uint64_t size = 0;
};
absl::StatusOr<bool> IsZero(int fd, const Range& range);

// Size of an open device or plain file.
absl::StatusOr<uint64_t> SizeOf(int fd);

// True when a direct read of the device fails: its client is fenced or its image gone. False also
// when there is no answer in a few seconds: a slow cluster is not a dead device.
bool IsDead(const std::string& device);

}  // namespace rbdcsi
