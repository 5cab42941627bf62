#include "controller/error_tables.h"

#include <cerrno>
#include <set>
#include <vector>

#include "tests/catch.h"
#include "tests/unit/error_page.h"

namespace rbdcsi {
namespace {

TEST_CASE("docs/errors-controller.md is what the error tables say") {
  std::vector<const ErrnoTable*> tables;
  for (const ErrnoTable& table : AllErrorTables()) {
    tables.push_back(&table);
  }
  CheckPage("errors-controller.md", ErrorPage("controller", "controller/error_tables.cc", tables));
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
