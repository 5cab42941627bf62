#include "controller/image_features.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "controller/nearest.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

struct Feature {
  std::string_view name;
  uint64_t bit;
  uint64_t needs;
  std::string_view needs_name;
};

constexpr std::array kFeatures = {
    Feature{"layering", kFeatureLayering, 0, ""},
    Feature{"exclusive-lock", kFeatureExclusiveLock, 0, ""},
    Feature{"object-map", kFeatureObjectMap, kFeatureExclusiveLock, "exclusive-lock"},
    Feature{"fast-diff", kFeatureFastDiff, kFeatureObjectMap, "object-map"},
    Feature{"deep-flatten", kFeatureDeepFlatten, 0, ""},
};

constexpr std::string_view kNotForKernel[] = {"journaling", "operations", "migrating",
                                              "non-primary", "dirty-cache"};

absl::Status Unknown(const std::string& name) {
  if (std::find(std::begin(kNotForKernel), std::end(kNotForKernel), name) !=
      std::end(kNotForKernel)) {
    return absl::InvalidArgumentError(
        absl::StrCat("parameter imageFeatures: the kernel client cannot map images with ", name));
  }
  if (name == "striping" || name == "data-pool") {
    return absl::InvalidArgumentError(
        absl::StrCat("parameter imageFeatures: ", name, " follows from stripeUnit and dataPool"));
  }
  std::array<std::string_view, kFeatures.size()> names;
  std::transform(kFeatures.begin(), kFeatures.end(), names.begin(),
                 [](const Feature& feature) { return feature.name; });
  return absl::InvalidArgumentError(absl::StrCat("parameter imageFeatures: unknown feature ", name,
                                                 " (did you mean ", Nearest(name, names), "?)"));
}

}  // namespace

absl::StatusOr<uint64_t> ParseImageFeatures(std::string_view text) {
  uint64_t features = 0;
  for (std::string name :
       std::vector<std::string>(absl::StrSplit(Sv(text), ',', absl::SkipWhitespace()))) {
    absl::StripAsciiWhitespace(&name);
    const auto* feature = std::find_if(kFeatures.begin(), kFeatures.end(),
                                       [&](const Feature& f) { return f.name == name; });
    if (feature == kFeatures.end()) {
      return Unknown(name);
    }
    features |= feature->bit;
  }
  if (features == 0) {
    return absl::InvalidArgumentError(
        "parameter imageFeatures is empty: leave it out for the default");
  }
  for (const Feature& feature : kFeatures) {
    if ((features & feature.bit) != 0 && (features & feature.needs) != feature.needs) {
      return absl::InvalidArgumentError(absl::StrCat("parameter imageFeatures: ", Sv(feature.name),
                                                     " needs ", Sv(feature.needs_name)));
    }
  }
  return features;
}

}  // namespace rbdcsi
