// docs/errors.md is what the tables say. UPDATE_GOLDEN=1 writes it.
#include "controller/error_tables.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/catch.h"

namespace rbdcsi {
namespace {

constexpr char kPage[] = RBDCSI_DOCS "/errors.md";

TEST_CASE("docs/errors.md is what the error tables say") {
  const std::string page = ErrorTablesAsMarkdown();
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    std::ofstream(kPage) << page;
  }
  std::stringstream golden;
  golden << std::ifstream(kPage).rdbuf();
  INFO("run with UPDATE_GOLDEN=1 to write it anew");
  CHECK(golden.str() == page);
}

TEST_CASE("no error table has two rows for one cause") {
  for (const ErrnoTable& table : AllErrorTables()) {
    std::set<int> seen;
    for (size_t i = 0; i < table.size; ++i) {
      INFO(table.operation << " " << table.rules[i].error);
      CHECK(seen.insert(table.rules[i].error).second);
    }
  }
}

TEST_CASE("a timeout never tells Kubernetes that nothing happened") {
  for (const ErrnoTable& table : AllErrorTables()) {
    INFO(table.operation);
    CHECK(absl::IsUnavailable(StatusFor(table, ETIMEDOUT, "x")));
  }
}

}  // namespace
}  // namespace rbdcsi
