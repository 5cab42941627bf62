#include "csi/status.h"

#include <cstring>

#include "absl/strings/str_cat.h"

namespace rbdcsi {
namespace {

// external-provisioner's isFinalError says "not final" for these and for nothing else.
bool IsFinal(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kAborted:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::string ErrnoText(int error) {
  // std::generic_category().message() is strerror() in libstdc++ before 14; this one returns
  // constants.
  const char* text = strerrordesc_np(error);
  return text != nullptr ? std::string(text) : absl::StrCat("error ", error);
}

absl::Status ErrnoStatus(absl::StatusCode code, int error, std::string_view what) {
  return absl::Status(code, absl::StrCat(Sv(what), ": ", ErrnoText(error)));
}

absl::Status StatusFor(const ErrnoTable& table, int error, std::string_view object) {
  absl::StatusCode code = absl::StatusCode::kUnavailable;
  std::string_view advice;
  for (size_t i = 0; i < table.size; ++i) {
    if (table.rules[i].error == error) {
      code = table.rules[i].code;
      advice = table.rules[i].advice != nullptr ? table.rules[i].advice : "";
      break;
    }
  }
  std::string message = absl::StrCat(table.operation, " ", Sv(object), ": ", ErrnoText(error));
  if (!advice.empty()) {
    absl::StrAppend(&message, " (", Sv(advice), ")");
  }
  return absl::Status(code, message);
}

absl::Status Annotate(const absl::Status& status, std::string_view prefix) {
  if (status.ok()) {
    return status;
  }
  return absl::Status(status.code(), absl::StrCat(Sv(prefix), ": ", status.message()));
}

absl::Status NotFinal(const absl::Status& status) {
  return IsFinal(status.code()) ? absl::UnavailableError(status.message()) : status;
}

}  // namespace rbdcsi
