// Runs a program of the distribution (mkfs, e2fsck): an argv, never a shell.
//
// The child gets an empty environment, /dev/null as input, none of our descriptors, and is killed
// at the deadline and when this process dies. What it prints is kept up to kMaxOutput bytes, with
// control characters taken out, for the message of the status. Any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rbdcsi {

inline constexpr size_t kMaxOutput = 4096;

struct CommandResult {
  int exit_code = 0;
  std::string output;  // stdout and stderr, in the order written, without control characters
};

// `argv[0]` is a name to be found in the system's program directories, or an absolute path.
// FAILED_PRECONDITION: there is no such program. DEADLINE_EXCEEDED: killed.
absl::StatusOr<CommandResult> RunCommand(const std::vector<std::string>& argv, absl::Time deadline);

}  // namespace rbdcsi
