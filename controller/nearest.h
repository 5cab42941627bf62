// The known word nearest to one that is not known: for "did you mean". Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace rbdcsi {

// By edit distance, the first of equals, case not counted. `known` must not be empty.
std::string Nearest(std::string_view word, absl::Span<const std::string_view> known);

}  // namespace rbdcsi
