#include "tests/fuzz/fields.h"

#include "absl/strings/str_split.h"
#include "csi/status.h"

namespace rbdcsi::fuzz {

Fields ParseFields(std::string_view input) {
  Fields fields;
  for (const std::string& line : Lines(input)) {
    if (!line.empty()) {
      const std::pair<std::string, std::string> entry =
          absl::StrSplit(line, absl::MaxSplits('=', 1));
      fields.insert(entry);
    }
  }
  return fields;
}

std::string Get(const Fields& fields, const std::string& key) {
  const auto found = fields.find(key);
  return found == fields.end() ? std::string() : found->second;
}

std::vector<std::string> Lines(std::string_view input) { return absl::StrSplit(Sv(input), '\n'); }

}  // namespace rbdcsi::fuzz
