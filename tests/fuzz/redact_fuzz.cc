// Requests as they are logged: one line, of bounded length, without what must not be shown.
#include "csi/redact.h"
#include "csi/utf8.h"
#include "tests/fuzz/canary.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/request_input.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {

void Fuzz(std::string_view input) {
  const auto request = ReadRequest(input);
  if (request == nullptr || Contains(input, kCanary)) {
    return;
  }
  PlantCanary(*request, Plant::kHidden);
  const std::string whole = Redacted(*request, 1 << 20);
  HOLDS(!Contains(whole, kCanary));
  HOLDS(!HasControls(whole) && ValidUtf8(whole) == whole);
  for (const size_t most : {size_t{0}, size_t{2}, size_t{100}, size_t{2048}}) {
    const std::string cut = Redacted(*request, most);
    HOLDS(cut.size() <= most && ValidUtf8(cut) == cut);
    HOLDS(cut == whole || whole.size() > most);
  }
}

}  // namespace rbdcsi::fuzz
