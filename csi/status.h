// Status helpers shared by both daemons.
//
// Below the border (csi/rpc.h) every function that can fail returns absl::Status or absl::StatusOr.
// Messages read "operation object: cause (what to do)". The code says what the caller may conclude,
// see docs/errors.md: CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE and ABORTED mean "it may still
// happen, call again"; every other code tells Kubernetes that nothing happened
// (external-provisioner's isFinalError), so after a change that could not be undone the answer is
// UNAVAILABLE and never INTERNAL.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rbdcsi {

// For absl::StrCat and its like: Debian builds Abseil with a string_view of its own, which takes no
// std::string_view.
inline absl::string_view Sv(std::string_view text) { return {text.data(), text.size()}; }

// "Operation not permitted" for 1, and so on. Takes a positive errno. Thread-safe, unlike
// strerror().
std::string ErrnoText(int error);

// A status with `code` and the message "what: ErrnoText(error)".
absl::Status ErrnoStatus(absl::StatusCode code, int error, std::string_view what);

// One row of an operation's own table: this errno means this code, and this is what to do about it.
struct ErrnoRule {
  int error;              // positive errno
  absl::StatusCode code;  // what the caller may conclude
  const char* advice;     // appended in parentheses; empty: nothing to add
};

// The rules of one operation. An errno without a row is UNAVAILABLE: unknown trouble is worth
// another try.
struct ErrnoTable {
  const char* operation;  // "create image"
  const ErrnoRule* rules;
  size_t size;
};

// "create image rbd/csi.pvc-1: File exists (...)" with the code of the table's row for `error`
// (positive).
absl::Status StatusFor(const ErrnoTable& table, int error, std::string_view object);

// The same code with `prefix: ` put in front of the message.
absl::Status Annotate(const absl::Status& status, std::string_view prefix);

// Nothing was undone, or it is unknown: turns a final code into UNAVAILABLE so that the caller
// keeps calling.
absl::Status NotFinal(const absl::Status& status);

}  // namespace rbdcsi

// NOLINTBEGIN(bugprone-macro-parentheses): `left` may declare a variable
#define RBDCSI_CONCAT_INNER(a, b) a##b
#define RBDCSI_CONCAT(a, b) RBDCSI_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expression)                                       \
  do {                                                                    \
    if (absl::Status rbdcsi_status = (expression); !rbdcsi_status.ok()) { \
      return rbdcsi_status;                                               \
    }                                                                     \
  } while (false)

#define ASSIGN_OR_RETURN(left, expression) \
  RBDCSI_ASSIGN_OR_RETURN(RBDCSI_CONCAT(rbdcsi_result_, __LINE__), left, expression)

#define RBDCSI_ASSIGN_OR_RETURN(result, left, expression) \
  auto result = (expression);                             \
  if (!result.ok()) {                                     \
    return std::move(result).status();                    \
  }                                                       \
  left = *std::move(result)
// NOLINTEND(bugprone-macro-parentheses)
