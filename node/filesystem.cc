#include "node/filesystem.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "csi/status.h"
#include "csi/step.h"
#include "node/command.h"
#include "node/device_probe.h"
#include "node/format_mark.h"

namespace rbdcsi {
namespace {

// Longer than any RPC's deadline, on purpose: a helper that is killed starts from nothing the next
// time, and a large volume would never come to an end.
constexpr absl::Duration kToolTime = absl::Minutes(15);
constexpr int kE2fsckRepaired = 1;

absl::Status Refuse(const MappedDevice& device, const std::string& cause) {
  return absl::FailedPreconditionError(absl::StrCat("prepare ", device.path, ": ", cause));
}

absl::Status Run(const std::vector<std::string>& argv, const MappedDevice& device, int ok_code) {
  ASSIGN_OR_RETURN(const CommandResult result, RunCommand(argv, absl::Now() + kToolTime));
  if (result.exit_code <= ok_code) {
    return absl::OkStatus();
  }
  return Refuse(device,
                absl::StrCat(argv[0], " ended with ", result.exit_code, ": ", result.output));
}

absl::Status Format(const MappedDevice& device, const FilesystemSpec& spec) {
  if (spec.read_only) {
    return Refuse(device,
                  "the volume is blank and may not be written (publish it once for writing first)");
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> argv, MkfsCommand(device, spec));
  {
    const Step step("mark for formatting");
    RETURN_IF_ERROR(WriteMark(device.path, MarkAction::kSet));
  }
  {
    const Step step("make file system");
    RETURN_IF_ERROR(Run(argv, device, 0));
  }
  const Step step("commit file system");
  return WriteMark(device.path, MarkAction::kClear);
}

absl::Status Check(const MappedDevice& device, const FilesystemSpec& spec) {
  if (spec.read_only) {
    return absl::OkStatus();
  }
  const Step step("check file system");
  return Annotate(Run({"e2fsck", "-p", device.path}, device, kE2fsckRepaired),
                  "the file system has errors that e2fsck does not repair by itself");
}

absl::StatusOr<Superblock> Existing(const MappedDevice& device, const FilesystemSpec& spec) {
  ASSIGN_OR_RETURN(const Content content, ProbeDevice(device.path));
  if (content.kind == ContentKind::kOther) {
    return Refuse(device, absl::StrCat("found ", content.what, ", expected ", spec.type,
                                       " or a blank device (it is never formatted over)"));
  }
  if (content.kind != ContentKind::kFilesystem) {
    return absl::NotFoundError("");
  }
  if (content.superblock->type != spec.type) {
    return Refuse(device, absl::StrCat("found ", content.superblock->type, ", the volume asks for ",
                                       spec.type, " (it is never formatted over)"));
  }
  return *content.superblock;
}

}  // namespace

bool CanGrow(uint64_t filesystem_bytes, uint64_t device_bytes) {
  // Less than that is mkfs's rounding and our reserve (format_mark.h).
  constexpr uint64_t kWorthwhile = 2 * kReserve;
  return device_bytes >= kWorthwhile && device_bytes - kWorthwhile >= filesystem_bytes;
}

absl::StatusOr<std::vector<std::string>> MkfsCommand(const MappedDevice& device,
                                                     const FilesystemSpec& spec) {
  const uint64_t size = (device.size_bytes - std::min(device.size_bytes, kReserve)) / 4096 * 4096;
  std::vector<std::string> argv;
  if (spec.type == "xfs") {
    argv = {"mkfs.xfs", "-q", "-f", "-K", "-d", absl::StrCat("size=", size)};
    // On by default since xfsprogs 6.5, and no kernel before 5.19 mounts it. mkfs takes it once,
    // from the command line or from a file of options.
    if (!absl::StrContains(spec.mkfs_options, "nrext64") &&
        !absl::StrContains(spec.mkfs_options, "-c")) {
      argv.insert(argv.end(), {"-i", "nrext64=0"});
    }
  } else {
    argv = {"mkfs.ext4", "-q", "-F",
            "-m0",       "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard"};
  }
  for (absl::string_view word :
       absl::StrSplit(spec.mkfs_options, absl::ByAnyChar(" \t\n"), absl::SkipEmpty())) {
    if (absl::StartsWith(word, "/")) {
      return absl::InvalidArgumentError(
          absl::StrCat("mkfsOptions \"", word, "\": names a file; only options are allowed"));
    }
    argv.emplace_back(word);
  }
  argv.push_back(device.path);
  if (spec.type != "xfs") {
    argv.push_back(absl::StrCat(size / 1024, "k"));
  }
  return argv;
}

absl::StatusOr<Superblock> PrepareFilesystem(const MappedDevice& device,
                                             const FilesystemSpec& spec) {
  absl::StatusOr<Superblock> found = Existing(device, spec);
  if (absl::IsNotFound(found.status())) {
    RETURN_IF_ERROR(Format(device, spec));
    found = Existing(device, spec);
    if (absl::IsNotFound(found.status())) {
      return absl::UnavailableError(
          absl::StrCat("prepare ", device.path, ": no file system after mkfs"));
    }
  }
  if (found.ok() && found->has_errors) {
    RETURN_IF_ERROR(Check(device, spec));
  }
  return found;
}

}  // namespace rbdcsi
