// Image features by their names, as far as the kernel client can use them.
//
// The bits are Ceph's (rbd/features.h, part of the on-disk format). Linux 6.1's krbd knows
// layering, striping, exclusive-lock, object-map, fast-diff, deep-flatten and data-pool. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace rbdcsi {

inline constexpr uint64_t kFeatureLayering = 1U << 0;
inline constexpr uint64_t kFeatureStriping = 1U << 1;
inline constexpr uint64_t kFeatureExclusiveLock = 1U << 2;
inline constexpr uint64_t kFeatureObjectMap = 1U << 3;
inline constexpr uint64_t kFeatureFastDiff = 1U << 4;
inline constexpr uint64_t kFeatureDeepFlatten = 1U << 5;
inline constexpr uint64_t kFeatureDataPool = 1U << 7;
inline constexpr uint64_t kFeatureOperations = 1U << 8;  // a clone v2, or the parent of one

// Exclusive-lock fences a dead writer, object-map makes deletion and diffs cheap, layering and
// deep-flatten are for clones: what librbd itself makes by default.
inline constexpr uint64_t kDefaultImageFeatures = kFeatureLayering | kFeatureExclusiveLock |
                                                  kFeatureObjectMap | kFeatureFastDiff |
                                                  kFeatureDeepFlatten;

// Features that follow from something else than imageFeatures.
inline constexpr uint64_t kDerivedFeatures =
    kFeatureStriping | kFeatureDataPool | kFeatureOperations;

// "layering,exclusive-lock". INVALID_ARGUMENT: unknown, useless to the kernel, or without the
// feature it needs; the message says which.
absl::StatusOr<uint64_t> ParseImageFeatures(std::string_view text);

}  // namespace rbdcsi
