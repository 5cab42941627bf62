#include "node/format_mark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "csi/status.h"
#include "node/device_probe.h"
#include "node/node_errors.h"
#include "node/unique_fd.h"

namespace rbdcsi {
namespace {

uint64_t Checksum(absl::string_view text) {
  uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return hash;
}

}  // namespace

std::string MarkFor(uint64_t device_bytes) {
  std::string text = absl::StrFormat(
      "rbd-csi format mark v1\n"
      "A file system is being made on this device of %d bytes; there is no data on it.\n",
      device_bytes);
  absl::StrAppendFormat(&text, "%016x\n", Checksum(text));
  text.resize(kMarkBytes, '\0');
  return text;
}

absl::StatusOr<bool> HasMark(int fd, uint64_t device_bytes) {
  if (device_bytes <= kReserve) {
    return false;
  }
  std::string block(kMarkBytes, '\0');
  const auto offset = static_cast<off_t>(MarkOffset(device_bytes));
  if (pread(fd, block.data(), block.size(), offset) != static_cast<ssize_t>(block.size())) {
    return StatusFor(kReadDeviceErrors, errno == 0 ? EIO : errno, "at its end");
  }
  return block == MarkFor(device_bytes);
}

absl::Status WriteMark(const std::string& device, MarkAction action) {
  const UniqueFd fd(open(device.c_str(), O_RDWR | O_EXCL | O_CLOEXEC));
  if (!fd.valid()) {
    return StatusFor(kOpenDeviceErrors, errno, device);
  }
  ASSIGN_OR_RETURN(const uint64_t size, SizeOf(fd.get()));
  if (size <= kReserve) {
    return absl::FailedPreconditionError(
        absl::StrCat("format ", device, ": ", size, " bytes are too few for a file system"));
  }
  const std::string block =
      action == MarkAction::kSet ? MarkFor(size) : std::string(kMarkBytes, '\0');
  if (pwrite(fd.get(), block.data(), block.size(), static_cast<off_t>(MarkOffset(size))) !=
          static_cast<ssize_t>(block.size()) ||
      fsync(fd.get()) != 0) {
    return StatusFor(kReadDeviceErrors, errno == 0 ? EIO : errno,
                     absl::StrCat(device, " (writing the format mark)"));
  }
  return absl::OkStatus();
}

}  // namespace rbdcsi
