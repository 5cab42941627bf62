// The pod behind a target path, and its cgroup: names and directories that the kubelet makes.
//
// Looked for by name, in the few places where a kubelet puts it: below `kubepods` or
// `kubepods.slice`, directly or in the folder of its QoS class, both of these also one level down
// (--cgroup-root of the kubelet, as in kind). No walk over the tree. The root of the hierarchy is
// an argument, so that a test can bring its own tree. Any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rbdcsi {

// The pod's uid in a path of the kubelet; nullopt: not a path of a pod.
//   .../pods/<uid>/volumes/...                       a file system
//   .../volumeDevices/publish/<volume>/<uid>         a block device
std::optional<std::string> PodOfTarget(absl::string_view target_path);

// The directories that are the pod's cgroup. Empty: it is not there (yet). More than one: the
// kubelet's driver was changed and its old tree is still there.
std::vector<std::string> FindPodCgroups(const std::string& cgroup_root, const std::string& uid);

// FAILED_PRECONDITION: no cgroup v2 at `cgroup_root`, or a kernel without the io controller.
absl::Status CheckIoController(const std::string& cgroup_root);

// Makes sure that the cgroup `directory` below `cgroup_root` has the files of the io controller:
// switched on from the top down where it is not. FAILED_PRECONDITION: it cannot be.
absl::Status EnableIoController(const std::string& cgroup_root, const std::string& directory);

}  // namespace rbdcsi
