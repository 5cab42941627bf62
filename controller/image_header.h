// An image's header read and written directly, without opening the image.
//
// Opening an image costs 13 OSD operations, a look here 2, a change 1 (measured). One function is
// one compound operation on one object; the results are facts, errno as the OSD gave it (0 or
// negative), and what they mean is decided in rbd_image_store. Encodings: class_calls.h. Any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "controller/ceph_handles.h"
#include "controller/class_calls.h"
#include "controller/omap.h"
#include "controller/snapshot_calls.h"
#include "controller/watchers.h"

namespace rbdcsi::image_header {

// The image metadata key of the record; its omap key is this with "metadata_" before it.
inline constexpr char kRecordKey[] = "rbd-csi.volume";
inline constexpr char kGuardLock[] = "rbd-csi.attach";
inline constexpr char kPurgeLock[] = "rbd-csi.purge";
inline constexpr char kOwnerLock[] = "rbd_lock";  // librbd's and krbd's exclusive lock

struct Name {
  std::string id;
  absl::Time changed;  // by the clock of the client that wrote it
};
// ENOENT: no image of this name.
int ReadName(Pool& pool, const std::string& image, Name* name);

struct Header {
  uint64_t size = 0;
  uint8_t order = 0;
  uint64_t flags = 0;  // RBD_FLAG_*
  std::string record;  // empty: none
  class_calls::LockInfo guard;
  absl::Time changed;
  uint64_t version = 0;  // as ObjectReply has it
  std::optional<class_calls::Parent> parent;
  std::vector<Watcher> watchers;
  // Detail::kAll only:
  uint64_t features = 0;
  class_calls::LockInfo owner;
  class_calls::LockInfo lost;       // lost_locks.h
  std::vector<uint64_t> snapshots;  // ids, the newest first, removed ones that clones need included
};
// All at one moment. ENOENT: no header. EIO: a reply is not understood.
int ReadHeader(Pool& pool, const std::string& id, Header* header);

struct HeaderRead {
  int result = 0;
  Header header;
};
// The same of many images, many at a time; in the order of `ids`.
std::vector<HeaderRead> ReadHeaders(Pool& pool, const std::vector<std::string>& ids, Detail detail);

// Compare and set: only when the header exists, has no record and no guard was ever taken.
// ECANCELED otherwise, ENOENT without header.
int WriteFirstRecord(Pool& pool, const std::string& id, const std::string& record);

struct RecordChange {
  std::string before;  // empty: none
  std::string after;
};
// Compare and set. ECANCELED: the record is another one by now. ENOENT: no header.
int ReplaceRecord(Pool& pool, const std::string& id, const RecordChange& change);

// EBUSY: held by somebody else. EEXIST: held by this client with this cookie. ENOENT: no header.
int TakeGuard(Pool& pool, const std::string& id, const class_calls::LockRequest& request);
// As TakeGuard, but only if there is no record (ECANCELED otherwise).
int TakeGuardWithoutRecord(Pool& pool, const std::string& id,
                           const class_calls::LockRequest& request);
// ENOENT: that locker does not hold it, or no header.
int BreakLock(Pool& pool, const std::string& id, std::string_view lock,
              const class_calls::Locker& locker);

struct LockHeld {
  const char* lock;
  class_calls::Locker locker;
};
// One holder each of different locks: all of them or none, and only while the header is what it was
// when it had that version, ERANGE otherwise. ENOENT: no header.
int BreakLocks(Pool& pool, const std::string& id, uint64_t version,
               const std::vector<LockHeld>& held);

// A turn at removing the image for good, for `lasts`. EBUSY: another client has it. ENOENT: no
// header.
int TakePurgeTurn(Pool& pool, const std::string& id, absl::Duration lasts);

// The four steps of a removal by id, each of which may have been done before: 0 then.
int AddToTrash(Pool& pool, const class_calls::TrashEntry& entry);
int RemoveFromDirectory(Pool& pool, const class_calls::NameAndId& entry);
int RemoveObjectMap(Pool& pool, const std::string& id);
// Only if the name still belongs to `entry.id`; a new image of that name is left alone.
int RemoveName(Pool& pool, const class_calls::NameAndId& entry);

struct DirectoryRange {
  std::string prefix;  // of the names wanted
  std::string after;   // the last name already seen; empty: from the beginning
  size_t limit = 0;
};
// Calls `found` with (name, id), in order of names. ENOENT: the pool has no directory.
int ReadDirectory(Pool& pool, const DirectoryRange& range, const omap::Found& found);
// The id that the pool's directory has for a name. ENOENT: none.
int ReadDirectoryId(Pool& pool, const std::string& image, std::string* id);
// 0 or ENOENT.
int Exists(Pool& pool, const std::string& object);
// 1: the image is in the trash, 0: it is not.
int IsInTrash(Pool& pool, const std::string& id);
// 1: the image is mirrored, 0: it is not.
int IsMirrored(Pool& pool, const std::string& id);

}  // namespace rbdcsi::image_header
