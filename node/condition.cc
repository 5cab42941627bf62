#include "node/condition.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "csi/status.h"
#include "node/krbd_sysfs.h"

namespace rbdcsi {
namespace {

constexpr char kRestage[] = "delete the pod, so that the volume is staged anew";

// What was found out in one respect: trouble, or what was looked at.
struct Notes {
  std::vector<std::string> trouble;
  std::vector<std::string> checked;
};

std::string WhyFailed(int error) {
  switch (error) {
    case ESHUTDOWN:
      return absl::StrCat("this client was fenced (", kRestage, ")");
    case ENOENT:
      return "the image is gone from the cluster";
    default:
      return "dmesg and the cluster's health say why";
  }
}

void JudgeRead(const VolumeFacts& facts, Notes& notes) {
  const std::string& path = facts.device.path;
  switch (facts.read.result) {
    case ReadResult::kRead:
      notes.checked.push_back(absl::StrCat(path, " answered a read in ",
                                           absl::ToInt64Milliseconds(facts.read.time), " ms"));
      return;
    case ReadResult::kFailed:
      notes.trouble.push_back(absl::StrCat(path, " fails: ", ErrnoText(facts.read.error), ", ",
                                           WhyFailed(facts.read.error)));
      return;
    case ReadResult::kSilent:
      notes.trouble.push_back(absl::StrCat(path, " has not answered a read for ",
                                           absl::ToInt64Seconds(facts.read.time),
                                           " s (see the cluster's health)"));
      return;
    case ReadResult::kNotTried:
      notes.checked.push_back(
          absl::StrCat("not whether ", path, " answers (", ErrnoText(facts.read.error), ")"));
      return;
  }
}

void JudgeAccess(const VolumeFacts& facts, Notes& notes) {
  const MappedDevice& device = facts.device;
  if (device.read_only && !device.mapped_read_only) {
    notes.trouble.push_back(
        absl::StrCat(device.path, " was mapped for writing and is read-only now (", kRestage, ")"));
  } else {
    notes.checked.push_back(device.read_only ? "mapped read-only, as asked for" : "writable");
  }
}

void JudgeFilesystem(const FilesystemFacts& facts, Notes& notes) {
  const size_t before = notes.trouble.size();
  if (facts.shut_down) {
    notes.trouble.push_back(
        absl::StrCat(facts.type, " was shut down after an error (", kRestage, ")"));
  }
  if (facts.turned_read_only) {
    notes.trouble.push_back(
        absl::StrCat(facts.type, " turned read-only after an error (", kRestage, ")"));
  }
  if (facts.errors.value_or(0) != 0) {
    notes.trouble.push_back(absl::StrCat(facts.type, " has counted ", *facts.errors,
                                         " errors; dmesg says which (", kRestage,
                                         ": that runs e2fsck)"));
  }
  if (notes.trouble.size() == before) {
    notes.checked.push_back(absl::StrCat(facts.type, " is not shut down",
                                         facts.errors.has_value() ? ", no errors counted" : ""));
  }
}

}  // namespace

Condition Judge(const VolumeFacts& facts) {
  Notes notes;
  JudgeRead(facts, notes);
  JudgeAccess(facts, notes);
  if (facts.filesystem.has_value()) {
    JudgeFilesystem(*facts.filesystem, notes);
  }
  if (!notes.trouble.empty()) {
    return {.abnormal = true, .message = absl::StrJoin(notes.trouble, "; ")};
  }
  return {.abnormal = false,
          .message = absl::StrCat("checked on this node: ", absl::StrJoin(notes.checked, "; "))};
}

Condition DeviceGone(const std::string& path) {
  return {.abnormal = true,
          .message = absl::StrCat("the device behind ", path,
                                  " is gone: it was unmapped by force (", kRestage, ")")};
}

FilesystemFacts LookAtFilesystem(int root_fd, const MappedDevice& device, const MountTable& table) {
  FilesystemFacts facts;
  struct statx data {};
  facts.shut_down =
      statx(root_fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &data) != 0 &&
      errno == EIO;
  for (const MountEntry* entry : MountsOf(table, device.number)) {
    facts.type = entry->fs_type;
    facts.turned_read_only |= entry->TurnedReadOnly();
    facts.shut_down |= entry->ShutDown();
  }
  uint64_t errors = 0;
  const std::string counter = absl::StrCat("/sys/fs/ext4/", device.name, "/errors_count");
  if (absl::SimpleAtoi(ReadLine(counter).value_or(""), &errors)) {
    facts.errors = errors;
  }
  return facts;
}

}  // namespace rbdcsi
