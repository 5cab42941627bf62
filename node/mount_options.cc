#include "node/mount_options.h"

#include <sys/mount.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

struct FlagOption {
  absl::string_view name;
  unsigned long flag;  // 0: what mount does anyway
};

constexpr FlagOption kFlags[] = {
    {"defaults", 0},
    {"rw", 0},
    {"exec", 0},
    {"async", 0},
    {"nosuid", 0},
    {"nodev", 0},
    {"ro", MS_RDONLY},
    {"noexec", MS_NOEXEC},
    {"noatime", MS_NOATIME},
    {"nodiratime", MS_NODIRATIME},
    {"relatime", MS_RELATIME},
    {"strictatime", MS_STRICTATIME},
    {"lazytime", MS_LAZYTIME},
    {"sync", MS_SYNCHRONOUS},
    {"dirsync", MS_DIRSYNC},
};

constexpr absl::string_view kBoth[] = {"discard",  "nodiscard", "usrquota", "grpquota",
                                       "prjquota", "quota",     "noquota"};
constexpr absl::string_view kExt4[] = {"commit",
                                       "data",
                                       "errors",
                                       "stripe",
                                       "delalloc",
                                       "nodelalloc",
                                       "barrier",
                                       "nobarrier",
                                       "auto_da_alloc",
                                       "noauto_da_alloc",
                                       "journal_async_commit",
                                       "journal_checksum",
                                       "journal_ioprio",
                                       "inode_readahead_blks",
                                       "max_batch_time",
                                       "min_batch_time",
                                       "user_xattr",
                                       "acl",
                                       "init_itable",
                                       "noinit_itable"};
constexpr absl::string_view kXfs[] = {
    "nouuid",   "inode32",     "inode64",     "largeio",     "nolargeio",  "allocsize", "logbufs",
    "logbsize", "swalloc",     "noalign",     "sunit",       "swidth",     "uquota",    "gquota",
    "pquota",   "uqnoenforce", "gqnoenforce", "pqnoenforce", "filestreams"};
// SELinux labels, which may hold commas.
constexpr absl::string_view kLabels[] = {"context", "fscontext", "defcontext", "rootcontext"};

template <class List>
bool In(const List& list, absl::string_view key) {
  return std::find(std::begin(list), std::end(list), key) != std::end(list);
}

absl::string_view Key(absl::string_view option) { return option.substr(0, option.find('=')); }

// key="..." with no other quote: only in there the kernel does not take commas for separators.
bool IsQuotedLabel(absl::string_view flag) {
  const absl::string_view value = flag.substr(Key(flag).size());
  return In(kLabels, Key(flag)) && value.size() > 2 && value.substr(0, 2) == "=\"" &&
         value.find('"', 2) == value.size() - 1;
}

// One option per element; a label in quotes, as the kubelet sends it, stays in one piece.
std::vector<absl::string_view> Split(const std::vector<std::string>& mount_flags) {
  std::vector<absl::string_view> options;
  for (const std::string& flag : mount_flags) {
    if (IsQuotedLabel(flag)) {
      options.push_back(flag);
      continue;
    }
    for (absl::string_view option : absl::StrSplit(flag, ',', absl::SkipEmpty())) {
      options.push_back(option);
    }
  }
  return options;
}

// Quotes elsewhere would shift where a label's quotes begin; a zero byte ends all options.
bool IsClean(absl::string_view option) {
  return std::none_of(option.begin(), option.end(),
                      [](char c) { return absl::ascii_iscntrl(c); }) &&
         (IsQuotedLabel(option) || !absl::StrContains(option, '"'));
}

bool Allowed(absl::string_view fs_type, absl::string_view key) {
  return In(kBoth, key) || In(kLabels, key) || (fs_type == "ext4" ? In(kExt4, key) : In(kXfs, key));
}

}  // namespace

absl::StatusOr<MountOptions> TranslateMountOptions(const MountRequest& request) {
  MountOptions result{.flags = MS_NOSUID | MS_NODEV, .data = {}};
  std::vector<absl::string_view> data;
  for (absl::string_view option : Split(request.mount_flags)) {
    if (!IsClean(option)) {
      return absl::InvalidArgumentError(
          absl::StrCat("mount option \"", Key(option),
                       "\": quotes and control characters are not allowed in it"));
    }
    const auto* flag =
        std::find_if(std::begin(kFlags), std::end(kFlags),
                     [&](const FlagOption& candidate) { return candidate.name == option; });
    if (flag != std::end(kFlags)) {
      result.flags |= flag->flag;
    } else if (Allowed(request.fs_type, Key(option)) && option != "nouuid") {
      data.push_back(option);
    } else if (option != "nouuid" || request.fs_type != "xfs") {
      return absl::InvalidArgumentError(absl::StrCat("mount option \"", Key(option),
                                                     "\": not allowed for ", request.fs_type,
                                                     " (docs/parameters.md lists those that are)"));
    }
  }
  // Clones and restored snapshots carry the UUID of their source, which may be mounted here too.
  if (request.fs_type == "xfs") {
    data.push_back("nouuid");
  }
  if (request.read_only) {
    // Not noload or norecovery: what is in the journal alone, often all of a fresh file system,
    // would be missing without a word. The kernel refuses such a mount with EROFS (stager.h).
    result.flags |= MS_RDONLY;
  }
  result.data = absl::StrJoin(data, ",");
  return result;
}

}  // namespace rbdcsi
