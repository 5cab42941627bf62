// The object-class calls for groups: class_calls.h's third part.
//
// A group is an object rbd_group_header.<id> whose name is in its pool's rbd_group_directory. It
// lists its images, by pool and id, and its snapshots; a group snapshot lists the snapshots of its
// members and is complete once all of them are cut. An image is in one group at most and names it
// in its own header. librbd's C API tells neither ids nor members of a group snapshot before
// Ceph 19, so they are read here. Class "rbd" (ceph: src/cls/rbd). Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rbdcsi::class_calls {

inline constexpr char kGroupDirectory[] = "rbd_group_directory";

std::string GroupHeaderObject(std::string_view id);

// Of an image: the group that it is in; pool -1: none.
struct GroupRef {
  int64_t pool = -1;
  std::string id;

  friend bool operator==(const GroupRef&, const GroupRef&) = default;
};

struct GroupImage {
  int64_t pool = -1;
  std::string image_id;
  bool attached = false;  // false: being added or removed
};

struct GroupMember {
  int64_t pool = -1;
  std::string image_id;
  uint64_t snapshot = 0;  // the highest number: not cut yet
};

struct GroupSnapshot {
  std::string id;
  std::string name;
  bool complete = false;
  std::vector<GroupMember> members;
};

std::string GroupImagesInput(uint64_t most);                     // rbd.group_image_list
std::string GroupSnapshotsInput(uint64_t most);                  // rbd.group_snap_list
std::string GroupImageInput(int64_t pool, std::string_view id);  // rbd.group_image_remove

// Nullopt: not what the class is known to answer.
std::optional<GroupRef> DecodeGroupRef(std::string_view reply);  // image_group_get
std::optional<std::vector<GroupImage>> DecodeGroupImages(
    std::string_view reply);  // group_image_list
std::optional<std::vector<GroupSnapshot>> DecodeGroupSnapshots(
    std::string_view reply);  // group_snap_list

}  // namespace rbdcsi::class_calls
