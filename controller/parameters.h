// StorageClass parameters: the names that users type, as ceph-csi's users know them.
//
// Parsing is complete before anything is made: a key that is not known, a value that is malformed
// and an option that would break the driver's promises are INVALID_ARGUMENT, and the message says
// what to write instead. docs/parameters.md is for users. Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/image_store.h"
#include "controller/mutable_parameters.h"

namespace rbdcsi {

struct VolumeParameters {
  std::string cluster;  // empty: the only one
  std::string pool;
  std::string rados_namespace;  // empty: the cluster's default
  ImageSpec image;              // all but the size
  std::string map_options;      // comma-separated krbd options
  std::string unmap_options;
  std::string mkfs_options;
  MutableParameters tunables;  // those that a StorageClass may give as well
  std::string pvc;             // "namespace/name", for people
  std::string pv;
};

using ParameterMap = std::map<std::string, std::string>;

absl::StatusOr<VolumeParameters> ParseParameters(const ParameterMap& parameters);

// Of a VolumeSnapshotClass or VolumeGroupSnapshotClass: none are known but `csi.storage.k8s.io/*`.
absl::Status CheckSnapshotParameters(const ParameterMap& parameters);

// The node's options alone, from the volumeAttributes of a static PersistentVolume: keys that are
// not options are somebody else's and ignored.
absl::StatusOr<VolumeParameters> ParseStaticOptions(const ParameterMap& attributes);

}  // namespace rbdcsi
