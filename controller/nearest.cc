#include "controller/nearest.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "absl/strings/ascii.h"

namespace rbdcsi {
namespace {

size_t Distance(std::string_view from, std::string_view to) {
  std::vector<size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= from.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= to.size(); ++j) {
      const bool same = absl::ascii_tolower(static_cast<unsigned char>(from[i - 1])) ==
                        absl::ascii_tolower(static_cast<unsigned char>(to[j - 1]));
      const size_t replaced = diagonal + (same ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string Nearest(std::string_view word, absl::Span<const std::string_view> known) {
  const auto* best = std::min_element(known.begin(), known.end(),
                                      [word](std::string_view left, std::string_view right) {
                                        return Distance(word, left) < Distance(word, right);
                                      });
  return std::string(*best);
}

}  // namespace rbdcsi
