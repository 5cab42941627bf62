// Mount options of a capability: what the kernel takes for an option is one that the list allows.
#include <sys/mount.h>

#include <set>

#include "absl/strings/str_split.h"
#include "node/mount_options.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

// Each of these opens a hole that the driver promises not to open, on one file system or both.
constexpr char kNever[] =
    "dev suid exec loop bind remount noload norecovery logdev rtdev journal_dev journal_path sb "
    "usrjquota grpjquota nodata noattr2 ikeep wsync test_dummy_encryption secret";

// As the kernel's security modules cut it (security/selinux/hooks.c, opt_len): a quote shields the
// commas up to the next one.
std::vector<std::string> AsKernelSplits(const std::string& data) {
  std::vector<std::string> options(1);
  bool quoted = false;
  for (const char c : data) {
    quoted = quoted != (c == '"');
    if (c == ',' && !quoted) {
      options.emplace_back();
    } else {
      options.back() += c;
    }
  }
  return options;
}

void CheckData(const std::string& data) {
  static const std::set<std::string> never = absl::StrSplit(kNever, ' ');
  HOLDS(!Contains(data, std::string_view("\0", 1)));
  for (const std::string& option : AsKernelSplits(data)) {
    HOLDS(!never.contains(option.substr(0, option.find('='))));
  }
}

}  // namespace

// First line: the file system, else "read-only" beside it; then one mount flag a line.
void Fuzz(std::string_view input) {
  std::vector<std::string> flags = Lines(input);
  MountRequest request = {.fs_type = Contains(flags.front(), "xfs") ? "xfs" : "ext4",
                          .mount_flags = {},
                          .read_only = Contains(flags.front(), "read-only")};
  flags.erase(flags.begin());
  request.mount_flags = flags;
  const auto options = TranslateMountOptions(request);
  if (!options.ok()) {
    HOLDS(absl::IsInvalidArgument(options.status()));
    return;
  }
  constexpr unsigned long kAlways = MS_NOSUID | MS_NODEV;
  constexpr unsigned long kMay = MS_RDONLY | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME |
                                 MS_STRICTATIME | MS_LAZYTIME | MS_SYNCHRONOUS | MS_DIRSYNC;
  HOLDS((options->flags & kAlways) == kAlways && (options->flags & ~(kAlways | kMay)) == 0);
  HOLDS(!request.read_only || (options->flags & MS_RDONLY) != 0);
  CheckData(options->data);
  // A flag more changes nothing of what was refused or allowed before it.
  request.mount_flags.emplace_back("noatime");
  const auto more = TranslateMountOptions(request);
  HOLDS(more.ok() && more->data == options->data && more->flags == (options->flags | MS_NOATIME));
}

}  // namespace rbdcsi::fuzz
