#include "node/mount_table.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace rbdcsi {
namespace {

bool HasOption(absl::string_view options, absl::string_view wanted) {
  const std::vector<absl::string_view> all = absl::StrSplit(options, ',');
  return std::find(all.begin(), all.end(), wanted) != all.end();
}

std::optional<DeviceNumber> ParseDevice(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  DeviceNumber device;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &device.major) ||
      !absl::SimpleAtoi(parts[1], &device.minor)) {
    return std::nullopt;
  }
  return device;
}

// id parent major:minor root target options [tag]... - type source super_options
std::optional<MountEntry> ParseLine(absl::string_view line) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  const auto separator = std::find(words.begin(), words.end(), "-");
  if (separator - words.begin() < 6 || words.end() - separator < 4) {
    return std::nullopt;
  }
  MountEntry entry;
  const std::optional<DeviceNumber> device = ParseDevice(words[2]);
  if (!device.has_value() || !absl::SimpleAtoi(words[0], &entry.id)) {
    return std::nullopt;
  }
  entry.device = *device;
  entry.root = Unescape(words[3]);
  entry.target = Unescape(words[4]);
  entry.options = std::string(words[5]);
  entry.fs_type = std::string(separator[1]);
  entry.source = Unescape(separator[2]);
  entry.super_options = std::string(separator[3]);
  return entry;
}

}  // namespace

std::string Unescape(absl::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](size_t at) { return text[i + at] >= '0' && text[i + at] <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && digit(1) && digit(2) && digit(3)) {
      const int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
      plain += static_cast<char>(value);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool MountEntry::ReadOnly() const {
  return HasOption(options, "ro") || HasOption(super_options, "ro");
}

// Whoever mounts read-only has both flags; emergency_ro is how newer kernels stop ext4.
bool MountEntry::TurnedReadOnly() const {
  return (HasOption(super_options, "ro") && !HasOption(options, "ro")) ||
         HasOption(super_options, "emergency_ro");
}

bool MountEntry::ShutDown() const { return HasOption(super_options, "shutdown"); }

MountTable ParseMountTable(absl::string_view text) {
  MountTable table;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (std::optional<MountEntry> entry = ParseLine(line)) {
      table.push_back(*std::move(entry));
    }
  }
  return table;
}

absl::StatusOr<MountTable> ReadMountTable() {
  std::ifstream file("/proc/self/mountinfo");
  std::ostringstream text;
  text << file.rdbuf();
  if (!file.good() || text.str().empty()) {
    return absl::UnavailableError("read /proc/self/mountinfo: it cannot be read");
  }
  return ParseMountTable(text.str());
}

std::vector<const MountEntry*> MountsOf(const MountTable& table, DeviceNumber device) {
  std::vector<const MountEntry*> found;
  for (const MountEntry& entry : table) {
    if (entry.device == device) {
      found.push_back(&entry);
    }
  }
  return found;
}

std::vector<const MountEntry*> NodeBindsOf(const MountTable& table, absl::string_view name) {
  std::vector<const MountEntry*> found;
  for (const MountEntry& entry : table) {
    if ((entry.fs_type == "devtmpfs" || entry.fs_type == "tmpfs") &&
        entry.root == absl::StrCat("/", name)) {
      found.push_back(&entry);
    }
  }
  return found;
}

}  // namespace rbdcsi
