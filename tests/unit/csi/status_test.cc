#include "csi/status.h"

#include <cerrno>

#include "tests/catch.h"

namespace rbdcsi {
namespace {

constexpr ErrnoRule kRules[] = {
    {EEXIST, absl::StatusCode::kAlreadyExists, "choose another name"},
    {ENOENT, absl::StatusCode::kNotFound, ""},
};
constexpr ErrnoTable kTable = {"create image", kRules, 2};

absl::StatusOr<int> Half(int value) {
  if (value % 2 != 0) {
    return absl::InvalidArgumentError("odd");
  }
  return value / 2;
}

absl::StatusOr<int> Quarter(int value) {
  ASSIGN_OR_RETURN(const int half, Half(value));
  RETURN_IF_ERROR(Half(half).status());
  return half / 2;
}

}  // namespace

TEST_CASE("errno numbers have texts, unknown ones too") {
  CHECK(ErrnoText(EPERM) == "Operation not permitted");
  CHECK(ErrnoText(12345) == "error 12345");
}

TEST_CASE("an errno with a row gets the row's code and advice") {
  const absl::Status status = StatusFor(kTable, EEXIST, "rbd/csi.pvc-1");
  CHECK(status.code() == absl::StatusCode::kAlreadyExists);
  CHECK(status.message() == "create image rbd/csi.pvc-1: File exists (choose another name)");
  CHECK(StatusFor(kTable, ENOENT, "a").message() == "create image a: No such file or directory");
}

TEST_CASE("an errno without a row is worth another try") {
  const absl::Status status = StatusFor(kTable, EIO, "rbd/x");
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CHECK(status.message() == "create image rbd/x: Input/output error");
}

TEST_CASE("annotating keeps the code, and an OK status") {
  const absl::Status status = Annotate(absl::NotFoundError("gone"), "stage volume");
  CHECK(status.code() == absl::StatusCode::kNotFound);
  CHECK(status.message() == "stage volume: gone");
  CHECK(Annotate(absl::OkStatus(), "stage volume").ok());
}

TEST_CASE("exactly the codes that Kubernetes takes for final become UNAVAILABLE") {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "why");
    const bool open = absl::IsCancelled(status) || absl::IsDeadlineExceeded(status) ||
                      absl::IsUnavailable(status) || absl::IsAborted(status);
    INFO(status.ToString());
    CHECK(NotFinal(status).code() == (open ? status.code() : absl::StatusCode::kUnavailable));
    CHECK(NotFinal(status).message() == "why");
  }
  CHECK(NotFinal(absl::OkStatus()).ok());
}

TEST_CASE("the macros return the first error and pass values on") {
  CHECK(Quarter(8).value() == 2);
  CHECK(Quarter(6).status().message() == "odd");
  CHECK(Quarter(5).status().code() == absl::StatusCode::kInvalidArgument);
}

}  // namespace rbdcsi
