// The pages docs/errors-*.md: error tables as a person reads them, and the check that they still
// say what the code says.
#pragma once

#include <string>
#include <vector>

#include "csi/status.h"

namespace rbdcsi {

// `source` is the file that holds the tables; one section an operation, one row an errno.
std::string ErrorPage(const std::string& daemon, const std::string& source,
                      const std::vector<const ErrnoTable*>& tables);

// Fails the running test case when the file `name` in docs/ differs from `page`; with UPDATE_GOLDEN
// in the environment writes it first.
void CheckPage(const std::string& name, const std::string& page);

}  // namespace rbdcsi
