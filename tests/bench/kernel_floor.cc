#include "tests/bench/kernel_floor.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <keyutils.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr const char* kDevices = "/sys/bus/rbd/devices";

absl::Status Failed(std::string_view what) {
  return ErrnoStatus(absl::StatusCode::kUnavailable, errno, what);
}

std::string FirstLine(const std::filesystem::path& path) {
  std::ifstream stream(path);
  std::string line;
  std::getline(stream, line);
  return line;
}

// The number of the device of an image; images of the bench have names of their own.
absl::StatusOr<std::string> DeviceOf(const std::string& image) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(kDevices, error)) {
    if (FirstLine(entry.path() / "name") == image) {
      return entry.path().filename().string();
    }
  }
  return absl::NotFoundError(absl::StrCat("find device of ", image, ": it is not mapped"));
}

absl::Status WriteTo(const char* path, const std::string& text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) {
    return Failed(absl::StrCat("open ", path));
  }
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  absl::Status status = written ? absl::OkStatus() : Failed(absl::StrCat("write to ", path));
  close(file);
  return status;
}

// The `key=` option says under which name the kernel will look for the secret. The thread's own
// keyring is searched first and nobody else sees it.
absl::Status AddKey(const std::string& options, const std::string& secret) {
  const std::vector<std::string> words = absl::StrSplit(options, absl::ByAnyChar(", "));
  for (const std::string& word : words) {
    if (!absl::StartsWith(word, "key=")) {
      continue;
    }
    const std::string name(absl::StripPrefix(word, "key="));
    if (add_key("ceph", name.c_str(), secret.data(), secret.size(), KEY_SPEC_THREAD_KEYRING) < 0) {
      return Failed(absl::StrCat("add key ", name));
    }
    return absl::OkStatus();
  }
  return absl::NotFoundError("map options: no key=");
}

absl::StatusOr<std::string> ProbeType(const std::string& device) {
  blkid_probe probe = blkid_new_probe_from_filename(device.c_str());
  if (probe == nullptr) {
    return Failed(absl::StrCat("probe ", device));
  }
  absl::Cleanup release = [probe] { blkid_free_probe(probe); };
  blkid_probe_enable_superblocks(probe, 1);
  blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE);
  const char* type = nullptr;
  if (blkid_do_safeprobe(probe) != 0 ||
      blkid_probe_lookup_value(probe, "TYPE", &type, nullptr) != 0) {
    return absl::NotFoundError(absl::StrCat("probe ", device, ": no file system"));
  }
  return std::string(type);
}

}  // namespace

absl::StatusOr<KernelFloor> KernelFloor::Like(const std::string& mapped_image,
                                              const std::string& key) {
  ASSIGN_OR_RETURN(const std::string device, DeviceOf(mapped_image));
  const std::string line = FirstLine(std::filesystem::path(kDevices) / device / "config_info");
  const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  if (words.size() < 4) {
    return absl::NotFoundError(absl::StrCat("config_info of ", mapped_image, ": unknown form"));
  }
  std::string secret;
  if (!absl::Base64Unescape(absl::StripAsciiWhitespace(key), &secret)) {
    return absl::InvalidArgumentError("the key: not base64");
  }
  return KernelFloor(absl::StrCat(words[0], " ", words[1]), words[2], secret);
}

absl::Status KernelFloor::MapAndMount(const Place& place) const {
  RETURN_IF_ERROR(AddKey(monitors_and_options_, secret_));
  RETURN_IF_ERROR(WriteTo("/sys/bus/rbd/add_single_major",
                          absl::StrCat(monitors_and_options_, " ", pool_, " ", place.image, " -")));
  ASSIGN_OR_RETURN(const std::string number, DeviceOf(place.image));
  const std::string device = absl::StrCat("/dev/rbd", number);
  ASSIGN_OR_RETURN(const std::string type, ProbeType(device));
  if (mount(device.c_str(), place.directory.c_str(), type.c_str(), MS_NOSUID | MS_NODEV, nullptr) !=
      0) {
    return Failed(absl::StrCat("mount ", device));
  }
  return absl::OkStatus();
}

absl::Status KernelFloor::UnmountAndUnmap(const Place& place) const {
  ASSIGN_OR_RETURN(const std::string number, DeviceOf(place.image));
  if (umount2(place.directory.c_str(), UMOUNT_NOFOLLOW) != 0) {
    return Failed(absl::StrCat("unmount ", place.directory));
  }
  return WriteTo("/sys/bus/rbd/remove_single_major", number);
}

}  // namespace rbdcsi
