#include "node/krbd_sysfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "csi/status.h"
#include "node/krbd_line.h"
#include "node/unique_fd.h"

namespace rbdcsi {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

std::optional<std::vector<std::string>> Names(const std::string& path) {
  const std::unique_ptr<DIR, CloseDirectory> directory(opendir(path.c_str()));
  if (directory == nullptr) {
    return std::nullopt;
  }
  std::vector<std::string> names;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this thread's own
  while (const dirent* entry = readdir(directory.get())) {
    if (entry->d_name[0] != '.') {
      names.emplace_back(entry->d_name);
    }
  }
  return names;
}

// A device may vanish while it is being read: then it is none.
std::optional<KrbdDevice> ReadDevice(const KrbdOptions& options, const std::string& id) {
  const std::string base = absl::StrCat(options.sysfs, "/bus/rbd/devices/", id, "/");
  const std::optional<std::string> config = ReadLine(base + "config_info");
  const std::optional<std::string> major = ReadLine(base + "major");
  const std::optional<std::string> minor = ReadLine(base + "minor");
  const std::optional<std::string> size = ReadLine(base + "size");
  KrbdDevice found;
  MappedDevice& device = found.device;
  if (!config || !major || !minor || !size || !absl::SimpleAtoi(*major, &device.number.major) ||
      !absl::SimpleAtoi(*minor, &device.number.minor) ||
      !absl::SimpleAtoi(*size, &device.size_bytes)) {
    return std::nullopt;
  }
  device.id = id;
  device.name = absl::StrCat("rbd", id);
  device.path = absl::StrCat(options.dev, "/", device.name);
  device.read_only =
      ReadLine(absl::StrCat(options.sysfs, "/block/", device.name, "/ro")).value_or("0") == "1";
  device.mapped_read_only = HasMapOption(*config, "ro");
  device.exclusive = HasMapOption(*config, kExclusive);
  found.config_info = *config;
  return found;
}

}  // namespace

std::optional<std::string> ReadLine(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> page;  // a sysfs file is never more, and is read in one go
  const ssize_t size = fd.valid() ? read(fd.get(), page.data(), page.size()) : -1;
  if (size < 0) {
    return std::nullopt;
  }
  const absl::string_view text(page.data(), static_cast<size_t>(size));
  return std::string(text.substr(0, text.find('\n')));
}

std::vector<std::string> HoldersOf(const KrbdOptions& options, const std::string& name) {
  return Names(absl::StrCat(options.sysfs, "/block/", name, "/holders"))
      .value_or(std::vector<std::string>());
}

absl::StatusOr<std::optional<KrbdDevice>> FindKrbdDevice(const KrbdOptions& options,
                                                         const VolumeId& volume) {
  const std::string devices = absl::StrCat(options.sysfs, "/bus/rbd/devices");
  const std::optional<std::vector<std::string>> ids = Names(devices);
  if (!ids.has_value()) {
    return std::nullopt;  // no module, no device; mapping will say so
  }
  for (const std::string& id : *ids) {
    const std::string base = absl::StrCat(devices, "/", id, "/");
    if (ReadLine(base + "name") != volume.image || ReadLine(base + "pool") != volume.pool ||
        ReadLine(base + "pool_ns").value_or("") != volume.rados_namespace ||
        ReadLine(base + "current_snap") != "-") {
      continue;
    }
    std::optional<KrbdDevice> device = ReadDevice(options, id);
    if (device.has_value() && IsOurs(device->config_info, volume.cluster)) {
      return device;
    }
  }
  return std::nullopt;
}

}  // namespace rbdcsi
