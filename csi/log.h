// Logging set-up. Both daemons log through spdlog to stderr, one line a record, text or JSON.
// Every line written while a call is served carries its id (Call::Current()).
#pragma once

#include <string>

#include "absl/status/status.h"

namespace rbdcsi {

struct LogOptions {
  std::string level = "info";   // trace debug info warning error
  std::string format = "text";  // text json
};

// INVALID_ARGUMENT for a level or format that does not exist. Call once, before threads.
absl::Status InitLogging(const LogOptions& options);

}  // namespace rbdcsi
