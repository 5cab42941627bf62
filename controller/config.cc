#include "controller/config.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "controller/nearest.h"
#include "csi/status.h"
#include "csi/volume_id.h"

namespace rbdcsi {
namespace {

using nlohmann::json;

// What ceph-csi's file may hold; only the first four and rbd.radosNamespace mean something here.
constexpr std::array<std::string_view, 9> kClusterKeys = {
    "clusterID",           "monitors", "rbd", "pools", "cephFS", "nfs", "readAffinity", "nvmeof",
    "topologyDomainLabels"};
constexpr std::array<std::string_view, 5> kRbdKeys = {
    "radosNamespace", "netNamespaceFilePath", "mirrorDaemonCount", "controllerPublishSecretRef",
    "nodePublishSecretRef"};

constexpr std::string_view kNoIdPart =
    "may not contain '/', '@' or control characters, nor begin with '-': it is a part of volume "
    "ids";

size_t LineOf(std::string_view text, size_t position) {
  return 1 +
         static_cast<size_t>(std::count(
             text.begin(),
             text.begin() + static_cast<std::ptrdiff_t>(std::min(position, text.size())), '\n'));
}

// The parsed JSON has no positions, so an entry is found again by its text.
class Complaint {
 public:
  explicit Complaint(std::string_view text) : text_(text) {}
  absl::Status At(const std::string& key, std::string_view what) const {
    const size_t position = text_.find(absl::StrCat("\"", key, "\""));
    const size_t line = position == std::string_view::npos ? 1 : LineOf(text_, position);
    return absl::InvalidArgumentError(absl::StrCat("line ", line, ": key ", key, ": ", Sv(what)));
  }

 private:
  std::string_view text_;
};

absl::Status CheckKeys(const json& object, absl::Span<const std::string_view> known,
                       const Complaint& complaint) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return complaint.At(key, absl::StrCat("unknown (did you mean ", Nearest(key, known), "?)"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Strings(const json& object, const char* key,
                                                 const Complaint& complaint) {
  std::vector<std::string> strings;
  if (!object.contains(key)) {
    return strings;
  }
  if (!object[key].is_array()) {
    return complaint.At(key, "must be a list of strings");
  }
  for (const json& element : object[key]) {
    if (!element.is_string() || element.get<std::string>().empty()) {
      return complaint.At(key, "must be a list of strings that are not empty");
    }
    strings.push_back(element.get<std::string>());
  }
  return strings;
}

std::string PlainAddress(const std::string& monitor) {
  const std::string inner(
      absl::StripSuffix(absl::StripPrefix(monitor, "[v"), "]"));  // "2:A,v1:B" of a pair
  const bool pair = absl::StartsWith(monitor, "[v");
  const std::vector<std::string> choices =
      absl::StrSplit(pair ? absl::StrCat("v", inner) : monitor, ',');
  std::string chosen;
  for (const std::string& choice : choices) {
    if (chosen.empty() || (absl::StartsWith(choice, "v2:") && absl::EndsWith(choice, ":3300")) ||
        (absl::StartsWith(choice, "v1:") && !absl::EndsWith(chosen, ":3300"))) {
      chosen = choice;
    }
  }
  absl::string_view plain = chosen;
  absl::ConsumePrefix(&plain, "v2:") || absl::ConsumePrefix(&plain, "v1:");
  return std::string(plain.substr(0, plain.find("/0")));
}

// One word, of which a kernel can be told.
bool IsMonitor(const std::string& text) {
  const std::string plain = PlainAddress(text);
  return !plain.empty() && PlainAddress(plain) == plain &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
}

absl::StatusOr<std::vector<std::string>> Monitors(const json& object, const std::string& cluster,
                                                  const Complaint& complaint) {
  ASSIGN_OR_RETURN(std::vector<std::string> monitors, Strings(object, "monitors", complaint));
  if (monitors.empty()) {
    return complaint.At("monitors", absl::StrCat("cluster ", cluster, " has none"));
  }
  const auto odd = std::find_if_not(monitors.begin(), monitors.end(), IsMonitor);
  if (odd != monitors.end()) {
    return complaint.At("monitors",
                        absl::StrCat("\"", *odd, "\" is no address: write 192.0.2.1:3300"));
  }
  return monitors;
}

absl::StatusOr<ClusterConfig> ParseCluster(const json& object, const Complaint& complaint) {
  if (!object.is_object()) {
    return absl::InvalidArgumentError("line 1: every element of the list must be an object");
  }
  RETURN_IF_ERROR(CheckKeys(object, kClusterKeys, complaint));
  ClusterConfig cluster;
  if (!object.contains("clusterID") || !object["clusterID"].is_string() ||
      object["clusterID"].get<std::string>().empty()) {
    return complaint.At("clusterID", "missing, or not a string that is not empty");
  }
  cluster.id = object["clusterID"].get<std::string>();
  if (!IsIdPart(cluster.id)) {
    return complaint.At("clusterID", kNoIdPart);
  }
  ASSIGN_OR_RETURN(cluster.monitors, Monitors(object, cluster.id, complaint));
  ASSIGN_OR_RETURN(cluster.pools, Strings(object, "pools", complaint));
  if (object.contains("rbd")) {
    if (!object["rbd"].is_object()) {
      return complaint.At("rbd", "must be an object");
    }
    RETURN_IF_ERROR(CheckKeys(object["rbd"], kRbdKeys, complaint));
    const json name = object["rbd"].value("radosNamespace", json(""));
    if (!name.is_string()) {
      return complaint.At("radosNamespace", "must be a string");
    }
    cluster.rados_namespace = name.get<std::string>();
    if (!cluster.rados_namespace.empty() && !IsIdPart(cluster.rados_namespace)) {
      return complaint.At("radosNamespace", kNoIdPart);
    }
  }
  return cluster;
}

}  // namespace

std::string ClusterConfig::MonHost() const { return absl::StrJoin(monitors, ","); }

std::string ClusterConfig::KernelMonitors() const {
  return absl::StrJoin(monitors, ",", [](std::string* out, const std::string& monitor) {
    absl::StrAppend(out, PlainAddress(monitor));
  });
}

absl::StatusOr<ClusterList> ParseClusters(std::string_view text) {
  const Complaint complaint(text);
  json parsed;
  try {
    parsed = json::parse(text);
  } catch (const json::parse_error& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", LineOf(text, error.byte), ": not JSON"));
  } catch (const json::out_of_range&) {
    return absl::InvalidArgumentError("line 1: a number in it is too large");
  }
  if (!parsed.is_array() || parsed.empty()) {
    return absl::InvalidArgumentError("line 1: must be a list with at least one cluster");
  }
  ClusterList clusters;
  std::set<std::string> ids;
  for (const json& object : parsed) {
    ASSIGN_OR_RETURN(ClusterConfig cluster, ParseCluster(object, complaint));
    if (!ids.insert(cluster.id).second) {
      return complaint.At("clusterID", absl::StrCat(cluster.id, " is there twice"));
    }
    clusters.push_back(std::move(cluster));
  }
  return clusters;
}

bool ClustersFile::Version::SameAs(const Version& other) const {
  return inode == other.inode && size == other.size && modified.tv_sec == other.modified.tv_sec &&
         modified.tv_nsec == other.modified.tv_nsec;
}

absl::StatusOr<ClusterList> ClustersFile::Load(Version* version) const {
  struct stat facts = {};
  if (stat(path_.c_str(), &facts) != 0) {
    return ErrnoStatus(absl::StatusCode::kFailedPrecondition, errno,
                       absl::StrCat("read clusters file ", path_));
  }
  *version = {facts.st_ino, facts.st_mtim, facts.st_size};
  std::ifstream file(path_);
  std::stringstream text;
  text << file.rdbuf();
  absl::StatusOr<ClusterList> clusters = ParseClusters(text.str());
  if (!clusters.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("read clusters file ", path_, ": ", clusters.status().message()));
  }
  return clusters;
}

absl::StatusOr<std::shared_ptr<const ClusterList>> ClustersFile::Read() {
  absl::MutexLock lock(&mutex_);
  struct stat facts = {};
  if (clusters_ != nullptr && stat(path_.c_str(), &facts) == 0 &&
      version_.SameAs({facts.st_ino, facts.st_mtim, facts.st_size})) {
    return clusters_;
  }
  Version version;
  absl::StatusOr<ClusterList> loaded = Load(&version);
  if (loaded.ok()) {
    clusters_ = std::make_shared<const ClusterList>(*std::move(loaded));
    last_error_ = absl::OkStatus();
  } else {
    if (last_error_ != loaded.status()) {
      last_error_ = loaded.status();
      spdlog::error("{}{}", std::string(last_error_.message()),
                    clusters_ != nullptr ? "; the former content stays in force" : "");
    }
    if (clusters_ == nullptr) {
      return last_error_;
    }
  }
  version_ = version;
  return clusters_;
}

absl::StatusOr<ClusterConfig> ClustersFile::Find(const std::string& id) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const ClusterList> clusters, Read());
  if (id.empty() && clusters->size() == 1) {
    return clusters->front();
  }
  std::vector<std::string> known;
  for (const ClusterConfig& cluster : *clusters) {
    if (cluster.id == id) {
      return cluster;
    }
    known.push_back(cluster.id);
  }
  return absl::InvalidArgumentError(
      id.empty() ? absl::StrCat("parameter clusterID is missing: choose one of ",
                                absl::StrJoin(known, ", "))
                 : absl::StrCat("clusterID ", id, " is not in the clusters file ", path_,
                                ", which has ", absl::StrJoin(known, ", ")));
}

}  // namespace rbdcsi
