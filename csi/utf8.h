// Text that is valid UTF-8 whatever came in: gRPC drops a status message that is not, and so do
// JSON readers. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace rbdcsi {

// `text` with every byte that is no part of a valid UTF-8 sequence replaced by U+FFFD.
std::string ValidUtf8(std::string_view text);

// The longest beginning of `text` (valid UTF-8) of at most `max_bytes` that cuts no character in
// two.
std::string_view Utf8Prefix(std::string_view text, size_t max_bytes);

}  // namespace rbdcsi
