// /proc/self/mountinfo: its paths are made by whoever may mount or make a directory.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "csi/status.h"
#include "node/mount_table.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

// As the kernel writes a path there (seq_escape of " \t\n\\").
std::string Escape(std::string_view path) {
  std::string escaped;
  for (const char c : path) {
    if (Contains(" \t\n\\", std::string_view(&c, 1))) {
      absl::StrAppendFormat(&escaped, "\\%03o", static_cast<unsigned char>(c));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// A mount at any path is found again with exactly that path, and pretends to be no other.
void CheckPath(const std::string& path) {
  const std::string line = absl::StrCat("36 35 252:0 / ", Escape(path),
                                        " rw,nosuid shared:1 - ext4 /dev/rbd0 ro,emergency_ro");
  const MountTable table = ParseMountTable(line);
  HOLDS(table.size() == 1);
  const MountEntry& mount = table.front();
  HOLDS(mount.id == 36 && mount.device == (DeviceNumber{252, 0}) && mount.root == "/");
  HOLDS(mount.target == path && mount.source == "/dev/rbd0" && mount.fs_type == "ext4");
  HOLDS(mount.ReadOnly() && mount.TurnedReadOnly() && !mount.ShutDown());
  HOLDS(MountsOf(table, {252, 0}).size() == 1 && MountsOf(table, {252, 1}).empty());
  HOLDS(NodeBindsOf(table, "rbd0").empty());
}

}  // namespace

void Fuzz(std::string_view input) {
  const std::vector<std::string> lines = Lines(input);
  const MountTable table = ParseMountTable(Sv(input));
  HOLDS(table.size() <= lines.size());
  for (const MountEntry& mount : table) {
    HOLDS(!HasAnyOf(mount.options + mount.fs_type + mount.super_options, " \n"));
    HOLDS(!mount.TurnedReadOnly() || mount.ReadOnly() ||
          Contains(mount.super_options, "emergency_ro"));
    const auto same_device = MountsOf(table, mount.device);
    HOLDS(!same_device.empty() && same_device.size() <= table.size());
  }
  for (const MountEntry* bind : NodeBindsOf(table, "rbd0")) {
    HOLDS(bind->root == "/rbd0");
  }
  // A target is never empty; the kernel ends it at a zero byte.
  const std::string path = std::string(input.substr(0, input.find('\0')));
  CheckPath("/" + path);
}

}  // namespace rbdcsi::fuzz
