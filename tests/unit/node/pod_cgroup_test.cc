#include "node/pod_cgroup.h"

#include <algorithm>

#include "tests/catch.h"
#include "tests/unit/node/scratch.h"

namespace rbdcsi {

TEST_CASE("the pod is found in the kubelet's paths and in no others") {
  const std::string uid = "6b2ad0d4-7c1e-4f3a-9d55-0123456789ab";
  const std::string kubelet = "/var/lib/kubelet/";
  CHECK(PodOfTarget(kubelet + "pods/" + uid + "/volumes/kubernetes.io~csi/pv/mount") == uid);
  CHECK(PodOfTarget(kubelet + "plugins/kubernetes.io/csi/volumeDevices/publish/pv/" + uid) == uid);
  for (const std::string& path :
       {kubelet + "pods/" + uid, kubelet + "pods/../volumes/x", kubelet + "pods/a_b/volumes/x",
        kubelet + "pods//volumes/x", kubelet + "plugins/volumeDevices/staging/pv/" + uid,
        kubelet + "volumeDevices/publish/pv/..", std::string("/tmp/target"),
        kubelet + "pods/" + std::string(65, 'a') + "/volumes/x"}) {
    INFO(path);
    CHECK_FALSE(PodOfTarget(path).has_value());
  }
}

TEST_CASE("a pod's cgroup is found wherever a kubelet puts it") {
  const std::string uid = "6b2ad0d4-7c1e";
  for (const char* place :
       {"kubepods.slice/kubepods-pod6b2ad0d4_7c1e.slice",
        "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod6b2ad0d4_7c1e.slice",
        "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod6b2ad0d4_7c1e.slice",
        "kubepods/pod6b2ad0d4-7c1e", "kubepods/burstable/pod6b2ad0d4-7c1e",
        "kubepods/besteffort/pod6b2ad0d4-7c1e", "kubelet/kubepods/burstable/pod6b2ad0d4-7c1e",
        "kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
        "kubelet-kubepods-burstable-pod6b2ad0d4_7c1e.slice"}) {
    Scratch root;
    root.Directory("system.slice/kubelet.service");
    const std::string expected = root.Directory(place);
    INFO(place);
    CHECK(FindPodCgroups(root.path(), uid) == std::vector<std::string>{expected});
    CHECK(FindPodCgroups(root.path(), "6b2ad0d4-7c1").empty());
  }
}

TEST_CASE("a pod that is in two trees is found in both") {
  Scratch root;
  std::vector<std::string> expected = {root.Directory("kubepods/pod1-2"),
                                       root.Directory("kubepods.slice/kubepods-pod1_2.slice")};
  std::vector<std::string> found = FindPodCgroups(root.path(), "1-2");
  std::sort(found.begin(), found.end());
  std::sort(expected.begin(), expected.end());
  CHECK(found == expected);
}

TEST_CASE("a node without cgroup v2 or its io controller is told so") {
  Scratch root;
  const absl::Status none = CheckIoController(root.path());
  CHECK(absl::IsFailedPrecondition(none));
  CHECK_THAT(std::string(none.message()), Catch::Matchers::Contains("no cgroup v2"));
  root.File("cgroup.controllers", "cpuset cpu memory pids\n");
  const absl::Status no_io = CheckIoController(root.path());
  CHECK(absl::IsFailedPrecondition(no_io));
  CHECK_THAT(std::string(no_io.message()), Catch::Matchers::Contains("no io controller"));
}

}  // namespace rbdcsi
