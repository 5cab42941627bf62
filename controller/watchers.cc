#include "controller/watchers.h"

#include <list>
#include <rados/librados.hpp>

namespace rbdcsi {

int ListWatchers(void* io, const std::string& object, std::vector<Watcher>* watchers) {
  librados::IoCtx context;
  librados::IoCtx::from_rados_ioctx_t(io, context);
  std::list<obj_watch_t> found;
  const int r = context.list_watchers(object, &found);
  for (const obj_watch_t& watch : found) {
    watchers->push_back({watch.addr, static_cast<uint64_t>(watch.watcher_id)});
  }
  return r;
}

}  // namespace rbdcsi
