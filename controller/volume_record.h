// What a volume was made of, as it is kept on its image: one metadata key with compact JSON.
//
// An image of ours without a record is not a volume yet. CreateVolume compares its request with the
// record (the same name must mean the same volume), ControllerPublish takes the node's options from
// it at each attach, so an edited record needs no new PV. ControllerModifyVolume replaces the
// record as a whole (compare and set). The size is not here: the header has it. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "csi/io_limits.h"

namespace rbdcsi {

// What a VolumeAttributesClass may change of a volume, image features aside.
struct Tunables {
  uint64_t deletion_delay = 0;  // seconds in the trash before a deleted volume may be removed
  // 0: no limit. Operations or bytes a second.
  uint64_t max_iops = 0;  // of each direction
  uint64_t max_read_iops = 0;
  uint64_t max_write_iops = 0;
  uint64_t max_bandwidth = 0;  // of each direction
  uint64_t max_read_bandwidth = 0;
  uint64_t max_write_bandwidth = 0;

  // Of a limit for both directions and one for this direction the lower one counts.
  IoLimits Limits() const;

  friend bool operator==(const Tunables&, const Tunables&) = default;
};

struct VolumeRecord {
  std::string name = {};  // the CSI name
  // The fingerprint.
  uint64_t features = 0;
  uint8_t order = 0;
  uint64_t stripe_unit = 0;
  uint64_t stripe_count = 0;
  std::string data_pool = {};
  std::string source = {};  // CSI id of the snapshot or volume it was cloned from; empty: blank
  std::string map_options = {};
  std::string unmap_options = {};
  std::string mkfs_options = {};
  Tunables tunables = {};
  // Clones under it when it was made, itself included; flattening makes it less.
  uint64_t depth = 0;
  // For people.
  std::string pvc = {};  // "namespace/name"
  std::string pv = {};

  std::string ToJson() const;
  // Nullopt: not a record, or of a version newer than ours.
  static std::optional<VolumeRecord> FromJson(std::string_view text);
};

// Empty: the same volume, with the same tunables. Else what differs, "imageFeatures is 61, asked
// for 5".
std::string Difference(const VolumeRecord& existing, const VolumeRecord& wanted);

}  // namespace rbdcsi
