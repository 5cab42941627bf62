// Parameters of a StorageClass: what is accepted can be made, and becomes a volume id.
#include <bit>

#include "controller/image_features.h"
#include "controller/parameters.h"
#include "csi/volume_id.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

void CheckNames(const VolumeParameters& parameters) {
  HOLDS(!parameters.pool.empty());
  const VolumeId id = {.cluster = parameters.cluster.empty() ? "cluster" : parameters.cluster,
                       .pool = parameters.pool,
                       .rados_namespace = parameters.rados_namespace,
                       .image = ImageNameFor("name")};
  const std::string text = id.ToString();
  HOLDS(text.size() > kMaxIdBytes || VolumeId::Parse(text) == id);
  HOLDS(!HasSpaces(parameters.image.data_pool) && !HasAnyOf(parameters.image.data_pool, "/@"));
}

void CheckImage(const ImageSpec& image) {
  HOLDS(image.order >= 12 && image.order <= 25);
  HOLDS(image.features != 0 && (image.features & kDerivedFeatures) == 0);
  HOLDS((image.stripe_unit == 0) == (image.stripe_count == 0));
  HOLDS(image.stripe_unit == 0 || (uint64_t{1} << image.order) % image.stripe_unit == 0);
}

// Words for an argument vector: nothing that a shell or a terminal would take for something else.
void CheckWords(const std::string& options) {
  HOLDS(!HasControls(options) && !HasAnyOf(options, "\"'`$\\;|&<>(){}[]*?!#~%"));
}

// A static volume's options are read from the same keys.
void CheckStatic(const ParameterMap& map, const VolumeParameters& parameters) {
  const auto options = ParseStaticOptions(map);
  HOLDS(options.ok());
  HOLDS(options->map_options == parameters.map_options &&
        options->unmap_options == parameters.unmap_options &&
        options->mkfs_options == parameters.mkfs_options);
}

}  // namespace

void Fuzz(std::string_view input) {
  const ParameterMap map = ParseFields(input);
  const auto parameters = ParseParameters(map);
  if (parameters.ok()) {
    CheckNames(*parameters);
    CheckImage(parameters->image);
    CheckWords(parameters->mkfs_options);
    CheckStatic(map, *parameters);
  } else {
    HOLDS(absl::IsInvalidArgument(parameters.status()));
  }
  const absl::Status of_snapshot = CheckSnapshotParameters(map);
  HOLDS(of_snapshot.ok() || absl::IsInvalidArgument(of_snapshot));
}

}  // namespace rbdcsi::fuzz
