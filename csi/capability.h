// Access modes, access types and sizes: the pure rules of CSI that both halves share. No I/O; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "csi.pb.h"

namespace rbdcsi {

enum class AccessMode {
  kSingleNodeWriter,
  kSingleNodeReaderOnly,
  kMultiNodeReaderOnly,
  kMultiNodeSingleWriter,
  kMultiNodeMultiWriter,
  kSingleNodeSingleWriter,
  kSingleNodeMultiWriter,
};

enum class AccessType { kMount, kBlock };

struct Capability {
  AccessMode mode = AccessMode::kSingleNodeWriter;
  AccessType type = AccessType::kMount;
  std::string fs_type;  // kMount only; empty: the driver's default, ext4
  std::vector<std::string>
      mount_flags;  // kMount only; may hold sensitive data (spec), never logged

  friend bool operator==(const Capability&, const Capability&) = default;
};

const char* ToString(AccessMode mode);  // "SINGLE_NODE_WRITER"
const char* ToString(AccessType type);  // "mount", "block"

// True when the mode never writes: SINGLE_NODE_READER_ONLY and MULTI_NODE_READER_ONLY.
bool IsReadOnly(AccessMode mode);
// True when the mode lets more than one node have the volume: MULTI_NODE_*.
bool IsMultiNode(AccessMode mode);

// INVALID_ARGUMENT: mode or type missing or unknown, fs_type other than ext4 and xfs, a
// volume_mount_group (not offered), or a combination that would destroy data (a file system with
// writers on several nodes: MULTI_NODE_SINGLE_WRITER and MULTI_NODE_MULTI_WRITER are for block
// access only). The message says which and what to ask for instead.
absl::StatusOr<Capability> ParseCapability(const csi::v1::VolumeCapability& message);
// All of them, or the first error. INVALID_ARGUMENT when the list is empty.
absl::StatusOr<std::vector<Capability>> ParseCapabilities(
    const google::protobuf::RepeatedPtrField<csi::v1::VolumeCapability>& messages);

inline constexpr uint64_t kMiB = uint64_t{1} << 20;
inline constexpr uint64_t kDefaultSizeBytes = uint64_t{1} << 30;

struct SizeRange {
  uint64_t required_bytes = 0;  // 0: no minimum
  uint64_t limit_bytes = 0;     // 0: no maximum
};

// INVALID_ARGUMENT: negative, both zero, or limit below required.
absl::StatusOr<SizeRange> ParseCapacityRange(const csi::v1::CapacityRange& message);
// The size to make: required_bytes rounded up to 1 MiB (kDefaultSizeBytes, or less if the limit
// says so, when there is no minimum). OUT_OF_RANGE when the rounded size passes limit_bytes or what
// RBD can address.
absl::StatusOr<uint64_t> ChooseSize(const SizeRange& range);

}  // namespace rbdcsi
