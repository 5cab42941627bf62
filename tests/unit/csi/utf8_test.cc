#include "csi/utf8.h"

#include "tests/catch.h"

namespace rbdcsi {

TEST_CASE("valid UTF-8 passes unchanged") {
  for (const std::string text : {"", "plain", "z\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                 "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"}) {
    CHECK(ValidUtf8(text) == text);
  }
}

TEST_CASE("bytes that are no UTF-8 become replacement characters") {
  const std::string replaced = "\xEF\xBF\xBD";
  CHECK(ValidUtf8("a\xFF"
                  "b") == "a" + replaced + "b");
  CHECK(ValidUtf8("\xC3") == replaced);                                // cut off
  CHECK(ValidUtf8("\xC0\xAF") == replaced + replaced);                 // overlong
  CHECK(ValidUtf8("\xE0\x80\xAF") == replaced + replaced + replaced);  // overlong
  CHECK(ValidUtf8("\xED\xA0\x80") == replaced + replaced + replaced);  // a surrogate
  CHECK(ValidUtf8("\xF4\x90\x80\x80").size() == 4 * replaced.size());  // above U+10FFFF
  CHECK(ValidUtf8("\xE2\x82"
                  "a") == replaced + replaced + "a");
}

TEST_CASE("a prefix never cuts a character in two") {
  const std::string text =
      "a\xE2\x82\xAC"
      "b";
  CHECK(Utf8Prefix(text, 0).empty());
  CHECK(Utf8Prefix(text, 1) == "a");
  CHECK(Utf8Prefix(text, 3) == "a");
  CHECK(Utf8Prefix(text, 4) == "a\xE2\x82\xAC");
  CHECK(Utf8Prefix(text, 99) == text);
}

}  // namespace rbdcsi
