// The raw kernel calls that NodeStage and NodeUnstage of a formatted volume come down to: one write
// to sysfs with the key in the keyring, a libblkid probe, mount(2); and back.
//
// The map options are the driver's own: they are read from `config_info` of a volume that the
// driver has mapped, so that both maps ask the kernel for the same. Any thread; needs root.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rbdcsi {

class KernelFloor {
 public:
  // `mapped_image` is mapped by the driver right now; `key` is the user's key in base64.
  static absl::StatusOr<KernelFloor> Like(const std::string& mapped_image, const std::string& key);

  struct Place {
    std::string image;
    std::string directory;
  };
  absl::Status MapAndMount(const Place& place) const;
  absl::Status UnmountAndUnmap(const Place& place) const;

 private:
  KernelFloor(std::string monitors_and_options, std::string pool, std::string secret)
      : monitors_and_options_(std::move(monitors_and_options)),
        pool_(std::move(pool)),
        secret_(std::move(secret)) {}

  std::string monitors_and_options_;  // the first two words of what goes to sysfs
  std::string pool_;
  std::string secret_;  // decoded, as the kernel's keyring takes it
};

}  // namespace rbdcsi
