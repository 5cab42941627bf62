// Catch2 of either major version (Debian 12: 2, Debian 13: 3), under one include and by one name.
#pragma once

#ifdef RBDCSI_CATCH3
#include <catch2/catch_all.hpp>
#include <concepts>
#include <string>

namespace Catch::Matchers {

// Version 3's own looks for an element of a range; given a text, this one looks for it in a text.
template <typename T>
requires std::convertible_to<T, std::string> StringContainsMatcher Contains(T&& text) {
  return ContainsSubstring(text);
}

}  // namespace Catch::Matchers
#else
#include <catch2/catch.hpp>
#endif
