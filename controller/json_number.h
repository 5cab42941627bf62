// Whole numbers out of JSON that others may have written: nlohmann's own conversion takes whatever
// is a number, and what comes of 1e300 or of -1 is anybody's guess. Pure; any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <utility>

namespace rbdcsi {

// True: `number` is the value of the key, or as it was because there is no such key. False: the
// value is something else, or does not fit.
template <class Number>
bool ReadNumber(const nlohmann::json& object, const char* key, Number* number) {
  const auto found = object.find(key);
  if (found == object.end()) {
    return true;
  }
  if (found->is_number_unsigned()) {
    const auto value = found->template get<uint64_t>();
    *number = static_cast<Number>(value);
    return std::in_range<Number>(value);
  }
  if (found->is_number_integer()) {
    const auto value = found->template get<int64_t>();
    *number = static_cast<Number>(value);
    return std::in_range<Number>(value);
  }
  return false;
}

}  // namespace rbdcsi
