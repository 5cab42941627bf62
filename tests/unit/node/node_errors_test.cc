#include "node/node_errors.h"

#include <cerrno>
#include <set>
#include <string>

#include "tests/catch.h"
#include "tests/unit/error_page.h"

namespace rbdcsi {

TEST_CASE("docs/errors-node.md is what the error tables say") {
  CheckPage("errors-node.md", ErrorPage("node plugin", "node/node_errors.cc", NodeErrnoTables()));
}

TEST_CASE("each errno of an operation has one meaning") {
  for (const ErrnoTable* table : NodeErrnoTables()) {
    std::set<int> seen;
    for (size_t i = 0; i < table->size; ++i) {
      INFO(table->operation << ": " << ErrnoText(table->rules[i].error));
      CHECK(seen.insert(table->rules[i].error).second);
    }
  }
}

TEST_CASE("what mapping can answer is told apart") {
  CHECK(absl::IsNotFound(StatusFor(kMapErrors, ENOENT, "rbd/a")));
  CHECK(absl::IsFailedPrecondition(StatusFor(kMapErrors, ENXIO, "rbd/a")));
  CHECK(absl::IsUnauthenticated(StatusFor(kMapErrors, EPERM, "rbd/a")));
  CHECK(absl::IsUnavailable(StatusFor(kMapErrors, ETIMEDOUT, "rbd/a")));
  CHECK(absl::IsUnavailable(StatusFor(kMapErrors, E2BIG, "rbd/a")));
}

}  // namespace rbdcsi
