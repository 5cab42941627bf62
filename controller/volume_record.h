// What a volume was made of, as it is kept on its image: one metadata key with compact JSON.
//
// An image of ours without a record is not a volume yet. CreateVolume compares its request with the
// record (the same name must mean the same volume), ControllerPublish takes the node's options from
// it at each attach, so an edited record needs no new PV. The size is not here: the header has it.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rbdcsi {

struct VolumeRecord {
  std::string name;  // the CSI name
  // The fingerprint.
  uint64_t features = 0;
  uint8_t order = 0;
  uint64_t stripe_unit = 0;
  uint64_t stripe_count = 0;
  std::string data_pool;
  // For the node.
  std::string map_options;
  std::string unmap_options;
  std::string mkfs_options;
  // For people.
  std::string pvc;  // "namespace/name"
  std::string pv;

  std::string ToJson() const;
  // Nullopt: not a record, or of a version newer than ours.
  static std::optional<VolumeRecord> FromJson(std::string_view text);
};

// Empty: the same volume. Else what differs, "imageFeatures 61, asked for 5".
std::string Difference(const VolumeRecord& existing, const VolumeRecord& wanted);

}  // namespace rbdcsi
