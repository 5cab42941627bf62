#include "controller/lost_locks.h"

#include <algorithm>
#include <cerrno>

#include "controller/class_calls.h"
#include "controller/client_address.h"
#include "controller/image_header.h"
#include "controller/left_lock.h"
#include "csi/node_id.h"
#include "csi/step.h"

namespace rbdcsi::lost_locks {
namespace {

using class_calls::Locker;
using class_calls::LockInfo;

struct Locks {
  LockInfo owner;  // of the image: at most one
  LockInfo guard;
  LockInfo noted;  // with addresses for cookies
};

int Read(Pool& pool, const std::string& image_id, Locks* locks) {
  ReadOp op;
  const size_t owner =
      op.Exec("lock", "get_info", class_calls::LockInfoInput(image_header::kOwnerLock));
  const size_t guard =
      op.Exec("lock", "get_info", class_calls::LockInfoInput(image_header::kGuardLock));
  const size_t noted = op.Exec("lock", "get_info", class_calls::LockInfoInput(kLock));
  if (const int r = op.Run(pool, class_calls::HeaderObject(image_id)); r < 0) {
    return r;
  }
  auto owner_info = class_calls::DecodeLockInfo(op.reply(owner));
  auto guard_info = class_calls::DecodeLockInfo(op.reply(guard));
  auto noted_info = class_calls::DecodeLockInfo(op.reply(noted));
  if (!owner_info || !guard_info || !noted_info) {
    return -EIO;
  }
  *locks = {*std::move(owner_info), *std::move(guard_info), *std::move(noted_info)};
  return 0;
}

// Only a client of a node that has the volume will ever be fenced.
bool IsNews(const Locks& locks, const Locker& client) {
  const auto& holders = locks.guard.lockers;
  const auto& notes = locks.noted.lockers;
  return std::any_of(holders.begin(), holders.end(),
                     [&](const Locker& holder) {
                       const auto node = NodeId::Parse(holder.cookie);
                       return node.has_value() && IsAtAddress(client.address, node->address);
                     }) &&
         std::none_of(notes.begin(), notes.end(),
                      [&](const Locker& note) { return note.cookie == client.address; });
}

}  // namespace

int Note(Pool& pool, const std::string& image_id) {
  Locks locks;
  if (const int r = Read(pool, image_id, &locks); r < 0) {
    return r == -ENOENT ? 0 : r;
  }
  for (const Locker& owner : locks.owner.lockers) {
    if (owner.client == pool.cluster().instance()) {
      if (const int r = left_lock::Clear(pool, image_id, owner); r < 0) {
        return r;
      }
      continue;
    }
    if (!IsNews(locks, owner)) {
      continue;
    }
    const Step step("note the lock's owner");
    const int r = image_header::TakeGuard(pool, image_id,
                                          {.name = kLock,
                                           .type = class_calls::LockType::kShared,
                                           .cookie = owner.address,
                                           .description = "had the image's lock"});
    if (r < 0 && r != -EEXIST && r != -ENOENT) {
      return r;
    }
  }
  return 0;
}

}  // namespace rbdcsi::lost_locks
