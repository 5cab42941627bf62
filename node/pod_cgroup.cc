#include "node/pod_cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "csi/status.h"
#include "csi/step.h"
#include "node/krbd_sysfs.h"
#include "node/node_errors.h"
#include "node/unique_fd.h"

namespace rbdcsi {
namespace {

constexpr size_t kMaxUid = 64;

// What may stand in the name of a directory that we make up: a UUID, or the hash of a static pod.
bool IsUid(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxUid &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-';
         });
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

std::vector<std::string> Subdirectories(const std::string& path) {
  const std::unique_ptr<DIR, CloseDirectory> directory(opendir(path.c_str()));
  std::vector<std::string> found;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this thread's own
  while (const dirent* entry = directory == nullptr ? nullptr : readdir(directory.get())) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
      found.emplace_back(entry->d_name);
    }
  }
  return found;
}

// "kubepods", "kubepods.slice", or "kubelet-kubepods.slice" below "kubelet.slice".
bool IsKubepods(absl::string_view name) {
  absl::ConsumeSuffix(&name, ".slice");
  return name == "kubepods" || absl::EndsWith(name, "-kubepods");
}

// Where a pod of this uid would be below `kubepods`, a path that ends in such a name.
std::vector<std::string> Candidates(const std::string& kubepods, const std::string& uid) {
  absl::string_view stem = kubepods;
  if (!absl::ConsumeSuffix(&stem, ".slice")) {
    return {absl::StrCat(kubepods, "/pod", uid), absl::StrCat(kubepods, "/burstable/pod", uid),
            absl::StrCat(kubepods, "/besteffort/pod", uid)};
  }
  // A slice carries the names of those above it; in names of systemd a "-" separates levels.
  stem = stem.substr(stem.rfind('/') + 1);
  const std::string pod = absl::StrCat("-pod", absl::StrReplaceAll(uid, {{"-", "_"}}), ".slice");
  std::vector<std::string> paths = {absl::StrCat(kubepods, "/", stem, pod)};
  for (const char* qos : {"-burstable", "-besteffort"}) {
    paths.push_back(absl::StrCat(kubepods, "/", stem, qos, ".slice/", stem, qos, pod));
  }
  return paths;
}

bool HasController(const std::string& file, absl::string_view name) {
  const std::vector<std::string> words = absl::StrSplit(ReadLine(file).value_or(""), ' ');
  return std::find(words.begin(), words.end(), name) != words.end();
}

absl::Status SwitchOn(const std::string& directory) {
  const std::string path = directory + "/cgroup.subtree_control";
  if (HasController(path, "io")) {
    return absl::OkStatus();
  }
  const Step step("switch on the io controller");
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd.valid() && write(fd.get(), "+io", 3) == 3 ? absl::OkStatus()
                                                      : StatusFor(kIoControllerErrors, errno, path);
}

}  // namespace

std::optional<std::string> PodOfTarget(absl::string_view target_path) {
  const std::vector<std::string> parts = absl::StrSplit(target_path, '/', absl::SkipEmpty());
  const size_t count = parts.size();
  for (size_t i = 0; i + 2 < count; ++i) {
    if (parts[i] == "pods" && parts[i + 2] == "volumes" && IsUid(parts[i + 1])) {
      return parts[i + 1];
    }
  }
  if (count >= 4 && parts[count - 4] == "volumeDevices" && parts[count - 3] == "publish" &&
      IsUid(parts[count - 1])) {
    return parts[count - 1];
  }
  return std::nullopt;
}

std::vector<std::string> FindPodCgroups(const std::string& cgroup_root, const std::string& uid) {
  std::vector<std::string> found;
  const auto look_below = [&](const std::string& kubepods) {
    for (const std::string& path : Candidates(kubepods, uid)) {
      if (access(path.c_str(), F_OK) == 0) {
        found.push_back(path);
      }
    }
  };
  for (const std::string& name : Subdirectories(cgroup_root)) {
    const std::string path = absl::StrCat(cgroup_root, "/", name);
    if (IsKubepods(name)) {
      look_below(path);
      continue;
    }
    // The kubelet's own prefix; with systemd the slice repeats it.
    absl::string_view stem = name;
    const bool slice = absl::ConsumeSuffix(&stem, ".slice");
    look_below(slice ? absl::StrCat(path, "/", stem, "-kubepods.slice") : path + "/kubepods");
  }
  return found;
}

absl::Status CheckIoController(const std::string& cgroup_root) {
  const std::string controllers = cgroup_root + "/cgroup.controllers";
  if (access(controllers.c_str(), F_OK) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("limit I/O: no cgroup v2 at ", cgroup_root,
                     " (boot the node with the unified hierarchy, give the plugin the host's "
                     "/sys/fs/cgroup, or say where it is with --cgroup-root)"));
  }
  if (!HasController(controllers, "io")) {
    return absl::FailedPreconditionError(
        absl::StrCat("limit I/O: no io controller in ", controllers,
                     " (cgroup v1 has it, or the kernel lacks CONFIG_BLK_CGROUP)"));
  }
  return absl::OkStatus();
}

absl::Status EnableIoController(const std::string& cgroup_root, const std::string& directory) {
  const std::string file = directory + "/io.max";
  if (access(file.c_str(), F_OK) == 0) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(CheckIoController(cgroup_root));
  for (size_t end = cgroup_root.size(); end != std::string::npos;
       end = directory.find('/', end + 1)) {
    RETURN_IF_ERROR(SwitchOn(directory.substr(0, end)));
  }
  if (access(directory.c_str(), F_OK) != 0) {
    return absl::UnavailableError(absl::StrCat("limit I/O: ", directory, " went away"));
  }
  return access(file.c_str(), F_OK) == 0
             ? absl::OkStatus()
             : absl::FailedPreconditionError(absl::StrCat(
                   "limit I/O: no ", file, " (the kernel lacks CONFIG_BLK_DEV_THROTTLING)"));
}

}  // namespace rbdcsi
