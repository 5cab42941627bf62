// The mark on a device that says "rbd-csi is making a file system here": how a killed mkfs
// converges without ever formatting anything that somebody could want.
//
// A killed mkfs leaves bytes that are neither blank nor a file system; without the mark the device
// would be refused for ever. The order of things:
//
//   1. the device is proven blank (device_probe.h);
//   2. the mark is written kReserve before its end and flushed;
//   3. mkfs makes a file system that ends where the mark begins, and flushes it (mkfs.xfs clears
//   the
//      last 128 KiB of the device as well, so the mark cannot be at the very end);
//   4. the mark is overwritten with zeros and flushed: this one 4 KiB write, within one RADOS
//   object
//      and so atomic, is the commit;
//   5. only now is the file system mounted for the first time. Growing it takes the reserve.
//
// Killed before 2: still blank. Between 2 and 4: marked, never mounted, so nobody's data: formatted
// again from step 2. After 4: a file system like any other.
//
// A mark counts only if it is whole (magic, version, device size, checksum), and if no superblock
// claims the bytes under it: a file system that reaches into the reserve has been grown, so it has
// been mounted, and what looks like a mark is then a user's file. blkid must find nothing but ext
// or xfs beside it. A device that changed its size between 2 and 4 has its mark in the wrong place
// and is refused; the volume holds nothing and can be deleted.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rbdcsi {

inline constexpr uint64_t kMarkBytes = 4096;
inline constexpr uint64_t kReserve = uint64_t{1} << 20;

// Where the mark is; the device must be larger than kReserve.
inline uint64_t MarkOffset(uint64_t device_bytes) { return device_bytes - kReserve; }

// The block that marks a device of this size.
std::string MarkFor(uint64_t device_bytes);

// Reads the place of the mark.
absl::StatusOr<bool> HasMark(int fd, uint64_t device_bytes);

enum class MarkAction { kSet, kClear };
// Opens the device exclusively (EBUSY while an orphan of a killed daemon still writes to it, or it
// is mounted: UNAVAILABLE), writes the mark or zeros, flushes.
absl::Status WriteMark(const std::string& device, MarkAction action);

}  // namespace rbdcsi
