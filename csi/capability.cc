#include "csi/capability.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

using Mode = csi::v1::VolumeCapability::AccessMode;

// Sizes are int64 in CSI and loff_t in the kernel, which ends before the image format does.
constexpr uint64_t kMaxSizeBytes =
    static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / kMiB * kMiB;

absl::StatusOr<AccessMode> ParseMode(const csi::v1::VolumeCapability& message) {
  switch (message.access_mode().mode()) {
    case Mode::SINGLE_NODE_WRITER:
      return AccessMode::kSingleNodeWriter;
    case Mode::SINGLE_NODE_READER_ONLY:
      return AccessMode::kSingleNodeReaderOnly;
    case Mode::MULTI_NODE_READER_ONLY:
      return AccessMode::kMultiNodeReaderOnly;
    case Mode::MULTI_NODE_SINGLE_WRITER:
      return AccessMode::kMultiNodeSingleWriter;
    case Mode::MULTI_NODE_MULTI_WRITER:
      return AccessMode::kMultiNodeMultiWriter;
    case Mode::SINGLE_NODE_SINGLE_WRITER:
      return AccessMode::kSingleNodeSingleWriter;
    case Mode::SINGLE_NODE_MULTI_WRITER:
      return AccessMode::kSingleNodeMultiWriter;
    default:
      return absl::InvalidArgumentError(
          "volume_capability access_mode: missing or unknown (set a mode, for example "
          "SINGLE_NODE_WRITER)");
  }
}

absl::Status ParseMount(const csi::v1::VolumeCapability::MountVolume& message, Capability& out) {
  const std::string& fs_type = message.fs_type();
  if (!fs_type.empty() && fs_type != "ext4" && fs_type != "xfs") {
    return absl::InvalidArgumentError(
        absl::StrCat("volume_capability fs_type ", fs_type, ": not supported (use ext4 or xfs)"));
  }
  if (!message.volume_mount_group().empty()) {
    return absl::InvalidArgumentError(
        "volume_capability volume_mount_group: not supported (leave it empty; the kubelet applies "
        "fsGroup when CSIDriver has fsGroupPolicy: File)");
  }
  out.type = AccessType::kMount;
  out.fs_type = fs_type;
  out.mount_flags.assign(message.mount_flags().begin(), message.mount_flags().end());
  return absl::OkStatus();
}

}  // namespace

const char* ToString(AccessMode mode) {
  switch (mode) {
    case AccessMode::kSingleNodeWriter:
      return "SINGLE_NODE_WRITER";
    case AccessMode::kSingleNodeReaderOnly:
      return "SINGLE_NODE_READER_ONLY";
    case AccessMode::kMultiNodeReaderOnly:
      return "MULTI_NODE_READER_ONLY";
    case AccessMode::kMultiNodeSingleWriter:
      return "MULTI_NODE_SINGLE_WRITER";
    case AccessMode::kMultiNodeMultiWriter:
      return "MULTI_NODE_MULTI_WRITER";
    case AccessMode::kSingleNodeSingleWriter:
      return "SINGLE_NODE_SINGLE_WRITER";
    case AccessMode::kSingleNodeMultiWriter:
      return "SINGLE_NODE_MULTI_WRITER";
  }
  return "UNKNOWN";
}

const char* ToString(AccessType type) { return type == AccessType::kMount ? "mount" : "block"; }

bool IsReadOnly(AccessMode mode) {
  return mode == AccessMode::kSingleNodeReaderOnly || mode == AccessMode::kMultiNodeReaderOnly;
}

bool IsMultiNode(AccessMode mode) {
  return mode == AccessMode::kMultiNodeReaderOnly || mode == AccessMode::kMultiNodeSingleWriter ||
         mode == AccessMode::kMultiNodeMultiWriter;
}

absl::StatusOr<Capability> ParseCapability(const csi::v1::VolumeCapability& message) {
  Capability out;
  ASSIGN_OR_RETURN(out.mode, ParseMode(message));
  if (message.has_mount()) {
    RETURN_IF_ERROR(ParseMount(message.mount(), out));
  } else if (message.has_block()) {
    out.type = AccessType::kBlock;
  } else {
    return absl::InvalidArgumentError(
        "volume_capability access_type: missing (set mount or block)");
  }
  if (out.type == AccessType::kMount && IsMultiNode(out.mode) && !IsReadOnly(out.mode)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "volume_capability ", ToString(out.mode),
        " with a file system: writers on several nodes "
        "would destroy it (use volumeMode: Block, or ReadWriteOnce, or ReadOnlyMany)"));
  }
  return out;
}

absl::StatusOr<std::vector<Capability>> ParseCapabilities(
    const google::protobuf::RepeatedPtrField<csi::v1::VolumeCapability>& messages) {
  if (messages.empty()) {
    return absl::InvalidArgumentError(
        "volume_capabilities: missing (name at least one access type and mode)");
  }
  std::vector<Capability> out;
  for (const csi::v1::VolumeCapability& message : messages) {
    ASSIGN_OR_RETURN(Capability capability, ParseCapability(message));
    out.push_back(std::move(capability));
  }
  return out;
}

absl::StatusOr<SizeRange> ParseCapacityRange(const csi::v1::CapacityRange& message) {
  const int64_t required = message.required_bytes();
  const int64_t limit = message.limit_bytes();
  if (required < 0 || limit < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("capacity_range required_bytes ", required, ", limit_bytes ", limit,
                     ": negative (give sizes in bytes, 0 for unset)"));
  }
  if (required == 0 && limit == 0) {
    return absl::InvalidArgumentError(
        "capacity_range: empty (set required_bytes or limit_bytes, or leave the range out)");
  }
  if (limit != 0 && limit < required) {
    return absl::InvalidArgumentError(absl::StrCat("capacity_range limit_bytes ", limit,
                                                   ": below required_bytes ", required,
                                                   " (raise the limit or leave it out)"));
  }
  return SizeRange{.required_bytes = static_cast<uint64_t>(required),
                   .limit_bytes = static_cast<uint64_t>(limit)};
}

absl::StatusOr<uint64_t> ChooseSize(const SizeRange& range) {
  const uint64_t limit =
      range.limit_bytes == 0 ? kMaxSizeBytes : std::min(range.limit_bytes, kMaxSizeBytes);
  const uint64_t most = limit / kMiB * kMiB;
  if (range.required_bytes == 0) {
    if (most == 0) {
      return absl::OutOfRangeError(absl::StrCat("capacity_range limit_bytes ", limit,
                                                ": below the smallest volume (allow 1 MiB)"));
    }
    return std::min(kDefaultSizeBytes, most);
  }
  // Compared before rounding, so that the sum below cannot wrap.
  if (range.required_bytes > most) {
    return absl::OutOfRangeError(absl::StrCat(
        "capacity_range required_bytes ", range.required_bytes, ": rounded up to 1 MiB it passes ",
        limit, range.limit_bytes == 0 ? ", the largest image" : ", the limit",
        " (ask for less, or for a limit that is a multiple of 1 MiB)"));
  }
  return (range.required_bytes + kMiB - 1) / kMiB * kMiB;
}

}  // namespace rbdcsi
