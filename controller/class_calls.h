// The object-class calls of this driver: inputs as bytes, outputs as values.
//
// Objects of an image: rbd_id.<name> (holds the id), rbd_header.<id> (all the rest),
// rbd_object_map.<id>, and per pool rbd_directory, rbd_trash, rbd_mirroring. Classes: "rbd"
// (ceph: src/cls/rbd) and "lock" (src/cls/lock). These encodings are part of Ceph's compatibility
// promise between clients and OSDs of different age, like a file format. Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace rbdcsi {

// How much of a header is read: a list of thousands does without what it does not show.
enum class Detail { kForList, kAll };

}  // namespace rbdcsi

namespace rbdcsi::class_calls {

enum class LockType : uint8_t { kNone = 0, kExclusive = 1, kShared = 2 };

struct Locker {
  uint64_t client = 0;      // the number of "client.<number>"
  std::string cookie;       // who, in the locker's own words
  std::string address;      // "192.0.2.11:0/123", as the blocklist takes it
  std::string description;  // what for
};

struct LockInfo {
  LockType type = LockType::kNone;
  std::vector<Locker> lockers;
};

struct LockRequest {
  std::string_view name;
  LockType type = LockType::kExclusive;
  std::string_view cookie;
  std::string_view description;
  // Zero: until it is released. Else it ends by itself, and its holder may take it again.
  absl::Duration lasts = absl::ZeroDuration();
};

struct TrashEntry {
  std::string_view id;
  std::string_view name;
  absl::Time deleted;
  absl::Time deferred_until;
};

struct SizeReply {
  uint8_t order = 0;  // objects have 2^order bytes
  uint64_t size = 0;
};

struct NameAndId {
  std::string_view name;
  std::string_view id;
};

std::string IdObject(std::string_view image);
std::string HeaderObject(std::string_view id);
std::string ObjectMapObject(std::string_view id);

std::string SizeInput();      // rbd.get_size, rbd.get_flags
std::string FeaturesInput();  // rbd.get_features
std::string MetadataSetInput(std::string_view key, std::string_view value);  // rbd.metadata_set
std::string TextInput(std::string_view text);             // rbd.mirror_image_get, rbd.dir_get_id
std::string DirectoryEntryInput(const NameAndId& entry);  // rbd.dir_remove_image
std::string TrashAddInput(const TrashEntry& entry);       // rbd.trash_add
std::string LockInput(const LockRequest& request);        // lock.lock
std::string LockInfoInput(std::string_view name);         // lock.get_info
std::string BreakLockInput(std::string_view name, const Locker& locker);  // lock.break_lock

// Nullopt: not what the class is known to answer.
std::optional<SizeReply> DecodeSize(std::string_view reply);
std::optional<uint64_t> DecodeFeatures(std::string_view reply);
std::optional<std::string> DecodeText(std::string_view reply);
std::optional<LockInfo> DecodeLockInfo(std::string_view reply);

}  // namespace rbdcsi::class_calls
