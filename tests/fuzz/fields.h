// Inputs as people write them: text of one "key=value" a line, as maps of strings come in requests.
//
// Seeds read well like this, and libFuzzer cuts and joins them at the right places. A line without
// '=' is a key with an empty value; of two equal keys the first counts. Pure; one thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rbdcsi::fuzz {

using Fields = std::map<std::string, std::string>;

Fields ParseFields(std::string_view input);
// Empty where there is none.
std::string Get(const Fields& fields, const std::string& key);

// The lines of the input; at least one.
std::vector<std::string> Lines(std::string_view input);

}  // namespace rbdcsi::fuzz
