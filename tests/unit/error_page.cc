#include "tests/unit/error_page.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"

namespace rbdcsi {

std::string ErrorPage(const std::string& daemon, const std::string& source,
                      const std::vector<const ErrnoTable*>& tables) {
  std::string page = absl::StrCat(
      "# Errors of the ", daemon, "\n\nPrinted from `", source,
      "` by a unit test (`UPDATE_GOLDEN=1` writes it anew); do not edit.\nAn errno without a row "
      "is "
      "UNAVAILABLE. After the first change that cannot be undone every code is\nUNAVAILABLE or "
      "ABORTED. What the codes mean: [errors.md](errors.md).\n");
  for (const ErrnoTable* table : tables) {
    absl::StrAppend(&page, "\n## ", table->operation,
                    "\n\n| cause | code | what to do |\n|---|---|---|\n");
    for (size_t i = 0; i < table->size; ++i) {
      const ErrnoRule& rule = table->rules[i];
      absl::StrAppend(&page, "| ", ErrnoText(rule.error), " (", rule.error, ") | ",
                      absl::StatusCodeToString(rule.code), " | ", rule.advice, " |\n");
    }
  }
  return page;
}

void CheckPage(const std::string& name, const std::string& page) {
  const std::string path = absl::StrCat(RBDCSI_DOCS "/", name);
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    std::ofstream(path) << page;
  }
  std::stringstream golden;
  golden << std::ifstream(path).rdbuf();
  INFO(path << ": run with UPDATE_GOLDEN=1 to write it anew");
  CHECK(golden.str() == page);
}

}  // namespace rbdcsi
