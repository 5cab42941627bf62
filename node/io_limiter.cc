#include "node/io_limiter.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "csi/status.h"
#include "csi/step.h"
#include "node/child.h"
#include "node/node_errors.h"
#include "node/pod_cgroup.h"

namespace rbdcsi {
namespace {

// The kubelet makes the pod's cgroup and calls us side by side.
constexpr absl::Duration kCgroupTime = absl::Seconds(5);
constexpr absl::Duration kPause = absl::Milliseconds(50);

std::string DeviceText(DeviceNumber device) {
  return absl::StrCat(device.major, ":", device.minor);
}

absl::Status Refuse(const LimitRequest& request, const std::string& cause) {
  return absl::FailedPreconditionError(
      absl::StrCat("limit the I/O of ", request.object, " at ", request.target_path, ": ", cause));
}

// In a child: newer kernels wait here for the requests that are under way in the device.
absl::Status WriteLine(const std::string& path, const std::string& line, absl::Time deadline) {
  const Step step("set I/O limits");
  const absl::StatusOr<int> error = RunBounded({.deadline = deadline}, [path, line] {
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    return fd < 0 || write(fd, line.data(), line.size()) < 0 ? errno : 0;
  });
  if (!error.ok()) {
    return absl::UnavailableError(absl::StrCat("write ", path, ": ", error.status().message(),
                                               " (is the Ceph cluster reachable?)"));
  }
  return *error == 0 ? absl::OkStatus()
                     : StatusFor(kIoLimitErrors, *error, absl::StrCat(path, " \"", line, "\""));
}

bool HasEntry(const std::string& path, DeviceNumber device) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (absl::StartsWith(line, DeviceText(device) + " ")) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string IoMaxLine(DeviceNumber device, const IoLimits& limits) {
  const auto value = [](uint64_t limit) { return limit == 0 ? "max" : absl::StrCat(limit); };
  return absl::StrCat(DeviceText(device), " rbps=", value(limits.read_bps),
                      " wbps=", value(limits.write_bps), " riops=", value(limits.read_iops),
                      " wiops=", value(limits.write_iops));
}

absl::Status IoLimiter::Apply(const LimitRequest& request, absl::Time deadline) const {
  const std::optional<std::string> uid = PodOfTarget(request.target_path);
  const bool wanted = request.limits.Any();
  if (!uid.has_value()) {
    return wanted ? Refuse(request,
                           "the volume has limits and the path is not one of a pod, whose cgroup "
                           "could hold them (take the limits off the volume)")
                  : absl::OkStatus();
  }
  std::vector<std::string> cgroups = FindPodCgroups(cgroup_root_, *uid);
  const absl::Time end = std::min(deadline - absl::Seconds(1), absl::Now() + kCgroupTime);
  while (wanted && cgroups.empty()) {
    RETURN_IF_ERROR(CheckIoController(cgroup_root_));
    if (absl::Now() > end) {
      return absl::UnavailableError(
          absl::StrCat("limit the I/O of ", request.object, ": pod ", *uid, " has no cgroup below ",
                       cgroup_root_, " yet (the call can be repeated; see --cgroup-root)"));
    }
    absl::SleepFor(kPause);
    cgroups = FindPodCgroups(cgroup_root_, *uid);
  }
  for (const std::string& cgroup : cgroups) {
    const std::string path = cgroup + "/io.max";
    if (wanted) {
      RETURN_IF_ERROR(EnableIoController(cgroup_root_, cgroup));
    }
    if (wanted || HasEntry(path, request.device)) {
      RETURN_IF_ERROR(WriteLine(path, IoMaxLine(request.device, request.limits), deadline));
    }
  }
  return absl::OkStatus();
}

}  // namespace rbdcsi
