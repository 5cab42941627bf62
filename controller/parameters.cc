#include "controller/parameters.h"

#include <array>
#include <bit>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "controller/image_features.h"
#include "controller/nearest.h"
#include "controller/node_options.h"
#include "csi/status.h"
#include "csi/volume_id.h"

namespace rbdcsi {
namespace {

constexpr std::string_view kKubernetesPrefix = "csi.storage.k8s.io/";

absl::Status Invalid(const std::string& key, const std::string& value, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("parameter ", key, ": \"", value, "\" ", Sv(what)));
}

using Value = const std::pair<const std::string, std::string>&;
using Setter = absl::Status (*)(Value, VolumeParameters&);

struct Known {
  std::string_view key;
  Setter set;
};

template <std::string VolumeParameters::*Field>
absl::Status SetName(Value entry, VolumeParameters& out) {
  if (entry.second.empty()) {
    return Invalid(entry.first, entry.second, "is empty: leave the key out instead");
  }
  if (!IsIdPart(entry.second) || absl::StrContains(entry.second, ' ')) {
    return Invalid(entry.first, entry.second,
                   "may not contain '/', '@', spaces or controls, nor begin with '-'");
  }
  out.*Field = entry.second;
  return absl::OkStatus();
}

absl::Status SetDataPool(Value entry, VolumeParameters& out) {
  VolumeParameters name;
  RETURN_IF_ERROR(SetName<&VolumeParameters::pool>(entry, name));
  out.image.data_pool = name.pool;
  return absl::OkStatus();
}

absl::Status SetFeatures(Value entry, VolumeParameters& out) {
  ASSIGN_OR_RETURN(out.image.features, ParseImageFeatures(entry.second));
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Number(Value entry) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(entry.second, &number) || number == 0) {
    return Invalid(entry.first, entry.second, "is not a number of bytes or objects above 0");
  }
  return number;
}

absl::Status SetObjectSize(Value entry, VolumeParameters& out) {
  ASSIGN_OR_RETURN(const uint64_t size, Number(entry));
  if (!std::has_single_bit(size) || size < (1U << 12) || size > (1U << 25)) {
    return Invalid(entry.first, entry.second, "is not a power of two from 4096 to 33554432");
  }
  out.image.order = static_cast<uint8_t>(std::countr_zero(size));
  return absl::OkStatus();
}

absl::Status SetStripeUnit(Value entry, VolumeParameters& out) {
  ASSIGN_OR_RETURN(out.image.stripe_unit, Number(entry));
  return absl::OkStatus();
}

absl::Status SetStripeCount(Value entry, VolumeParameters& out) {
  ASSIGN_OR_RETURN(out.image.stripe_count, Number(entry));
  return absl::OkStatus();
}

absl::Status SetMounter(Value entry, VolumeParameters&) {
  return entry.second == "rbd" ? absl::OkStatus()
                               : Invalid(entry.first, entry.second, "is not offered; use \"rbd\"");
}

absl::Status SetMapOptions(Value entry, VolumeParameters& out) {
  ASSIGN_OR_RETURN(out.map_options, ParseMapOptions(entry.second));
  return absl::OkStatus();
}

absl::Status SetUnmapOptions(Value entry, VolumeParameters& out) {
  ASSIGN_OR_RETURN(out.unmap_options, ParseUnmapOptions(entry.second));
  return absl::OkStatus();
}

absl::Status SetMkfsOptions(Value entry, VolumeParameters& out) {
  ASSIGN_OR_RETURN(out.mkfs_options, ParseMkfsOptions(entry.second));
  return absl::OkStatus();
}

// The provisioner turns it into the capability's fs_type; here it is only checked.
absl::Status CheckFsType(Value entry, VolumeParameters&) {
  return entry.second == "ext4" || entry.second == "xfs" || entry.second.empty()
             ? absl::OkStatus()
             : Invalid(entry.first, entry.second, "is not offered; use \"ext4\" or \"xfs\"");
}

constexpr std::array kKnown = {
    Known{"clusterID", SetName<&VolumeParameters::cluster>},
    Known{"pool", SetName<&VolumeParameters::pool>},
    Known{"dataPool", SetDataPool},
    Known{"radosNamespace", SetName<&VolumeParameters::rados_namespace>},
    Known{"imageFeatures", SetFeatures},
    Known{"stripeUnit", SetStripeUnit},
    Known{"stripeCount", SetStripeCount},
    Known{"objectSize", SetObjectSize},
    Known{"mounter", SetMounter},
    Known{"mapOptions", SetMapOptions},
    Known{"unmapOptions", SetUnmapOptions},
    Known{"mkfsOptions", SetMkfsOptions},
    Known{"fsType", CheckFsType},
    Known{"csi.storage.k8s.io/fstype", CheckFsType},
};

absl::Status UnknownKey(const std::string& key) {
  std::array<std::string_view, kKnown.size()> keys;
  for (size_t i = 0; i < kKnown.size(); ++i) {
    keys[i] = kKnown[i].key;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("parameter ", key, " is not known (did you mean ", Nearest(key, keys), "?)"));
}

// What the provisioner tells about the claim (--extra-create-metadata) is kept for people; what
// else Kubernetes puts under its prefix is not for us.
void KeepMetadata(const ParameterMap& parameters, VolumeParameters& out) {
  const auto value = [&parameters](const char* key) {
    const auto found = parameters.find(absl::StrCat(Sv(kKubernetesPrefix), key));
    return found == parameters.end() ? std::string() : found->second;
  };
  const std::string claim = value("pvc/name");
  out.pvc = claim.empty() ? claim : absl::StrCat(value("pvc/namespace"), "/", claim);
  out.pv = value("pv/name");
}

absl::Status CheckStriping(const ImageSpec& image) {
  if ((image.stripe_unit == 0) != (image.stripe_count == 0)) {
    return absl::InvalidArgumentError("parameters stripeUnit and stripeCount: one needs the other");
  }
  const uint64_t object_size = uint64_t{1} << image.order;
  if (image.stripe_unit > object_size ||
      (image.stripe_unit != 0 && object_size % image.stripe_unit != 0)) {
    return absl::InvalidArgumentError(absl::StrCat("parameter stripeUnit: ", image.stripe_unit,
                                                   " does not divide the object size ",
                                                   object_size));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<VolumeParameters> ParseParameters(const ParameterMap& parameters) {
  VolumeParameters out;
  out.image.features = kDefaultImageFeatures;
  ParameterMap tunables;
  for (const auto& entry : parameters) {
    const auto* known = std::find_if(kKnown.begin(), kKnown.end(),
                                     [&](const Known& k) { return k.key == entry.first; });
    if (known != kKnown.end()) {
      RETURN_IF_ERROR(known->set(entry, out));
    } else if (IsTunable(entry.first)) {
      tunables.insert(entry);
    } else if (!absl::StartsWith(entry.first, Sv(kKubernetesPrefix))) {
      return UnknownKey(entry.first);
    }
  }
  if (out.pool.empty()) {
    return absl::InvalidArgumentError("parameter pool is missing: name the pool for the images");
  }
  RETURN_IF_ERROR(CheckStriping(out.image));
  ASSIGN_OR_RETURN(out.tunables, ParseMutableParameters(tunables));
  KeepMetadata(parameters, out);
  return out;
}

absl::Status CheckSnapshotParameters(const ParameterMap& parameters) {
  for (const auto& entry : parameters) {
    // A class copied from ceph-csi's names the cluster; the volume's id says it already.
    if (entry.first != "clusterID" && !absl::StartsWith(entry.first, Sv(kKubernetesPrefix))) {
      return absl::InvalidArgumentError(absl::StrCat(
          "parameter ", entry.first, ": snapshots have no such parameter (remove it)"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<VolumeParameters> ParseStaticOptions(const ParameterMap& attributes) {
  VolumeParameters out;
  for (const auto& entry : attributes) {
    if (entry.first == "mapOptions") {
      RETURN_IF_ERROR(SetMapOptions(entry, out));
    } else if (entry.first == "unmapOptions") {
      RETURN_IF_ERROR(SetUnmapOptions(entry, out));
    } else if (entry.first == "mkfsOptions") {
      RETURN_IF_ERROR(SetMkfsOptions(entry, out));
    }
  }
  return out;
}

}  // namespace rbdcsi
