#include "node/kernel_module.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "node/unique_fd.h"

namespace rbdcsi {

absl::Status LoadKernelModule(const KernelModule& module) {
  if (access(module.shows.c_str(), F_OK) == 0) {
    return absl::OkStatus();
  }
  const UniqueFd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  module.name.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
  // Fails in any case: there is no such interface. What counts is what is there afterwards.
  static_cast<void>(ioctl(socket_fd.get(), SIOCGIFFLAGS, &request));
  if (access(module.shows.c_str(), F_OK) == 0) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("load kernel module ", module.name, ": ", module.shows,
                   " is not there (does the host's kernel have the module? Run `modprobe ",
                   module.name, "` there; the plugin must be privileged)"));
}

}  // namespace rbdcsi
