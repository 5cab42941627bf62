// The object-class calls for snapshots and clones: class_calls.h's other half.
//
// A snapshot lives in its image's header and in one of several namespaces: "user" for those made
// by name, "group" for members of a group snapshot, "trash" for removed ones that clones still
// need (clone v2), "mirror". A clone's header names its parent; the parent's header lists its
// children by snapshot. Class "rbd" (ceph: src/cls/rbd). Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace rbdcsi::class_calls {

enum class SnapshotNamespace : uint32_t { kUser = 0, kGroup = 1, kTrash = 2, kMirror = 3 };

struct SnapshotInfo {
  uint64_t id = 0;
  SnapshotNamespace name_space = SnapshotNamespace::kUser;
  std::string name;
  uint64_t size = 0;  // of the image when it was taken
  absl::Time taken;
  uint32_t children = 0;      // clones of it, as far as they are registered here
  int64_t group_pool = -1;    // kGroup only: the pool of the group and its id
  std::string group_id;       //
  std::string original_name;  // kTrash only
};

// What a clone's header says of its parent.
struct Parent {
  int64_t pool = -1;
  std::string rados_namespace;
  std::string image_id;
  uint64_t snapshot = 0;

  friend bool operator==(const Parent&, const Parent&) = default;
};

// An image as its parent knows it.
struct Child {
  int64_t pool = -1;
  std::string rados_namespace;
  std::string image_id;

  friend bool operator==(const Child&, const Child&) = default;
};

std::string SnapshotInput(uint64_t id);  // rbd.snapshot_get, rbd.children_list
// rbd.parent_attach; the first `overlap` bytes of the clone are the parent's until written.
std::string ParentAttachInput(const Parent& parent, uint64_t overlap);
std::string CloneChildFeatureInput();                              // rbd.op_features_set
std::string ChildInput(uint64_t snapshot_id, const Child& child);  // rbd.child_attach, child_detach

// Nullopt: not what the class is known to answer.
std::optional<std::vector<uint64_t>> DecodeSnapshotIds(std::string_view reply);  // get_snapcontext
std::optional<SnapshotInfo> DecodeSnapshot(std::string_view reply);              // snapshot_get
std::optional<Parent> DecodeParent(std::string_view reply);  // parent_get; pool -1: none
std::optional<std::vector<Child>> DecodeChildren(std::string_view reply);  // children_list

}  // namespace rbdcsi::class_calls
