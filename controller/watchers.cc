#include "controller/watchers.h"

#include <list>
#include <map>
#include <memory>
#include <rados/librados.hpp>
#include <set>

namespace rbdcsi {
namespace {

// Enough to keep a small cluster busy; the objects of a page are spread over its OSDs.
constexpr size_t kInFlight = 128;

void Append(const std::list<obj_watch_t>& found, std::vector<Watcher>* watchers) {
  for (const obj_watch_t& watch : found) {
    watchers->push_back({watch.addr, static_cast<uint64_t>(watch.watcher_id), watch.cookie});
  }
}

// One read under way. The operation writes into it, so it stays where it is.
class Reading {
 public:
  Reading(librados::IoCtx& io, const std::string& object, const ObjectRead& what)
      : replies_(what.calls.size()), completion_(librados::Rados::aio_create_completion()) {
    op_.assert_exists();
    op_.stat(&size_, &changed_, &ignored_);
    for (size_t i = 0; i < what.calls.size(); ++i) {
      librados::bufferlist input;
      input.append(what.calls[i].input);
      op_.exec(what.calls[i].object_class, what.calls[i].method, input, &replies_[i], &ignored_);
    }
    op_.omap_get_vals_by_keys({what.omap_key}, &values_, &ignored_);
    op_.list_watchers(&watchers_, &ignored_);
    result_ = io.aio_operate(object, completion_, &op_, nullptr);
  }
  ~Reading() { completion_->release(); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  ObjectReply Wait() {
    ObjectReply reply;
    reply.result = result_;
    if (result_ == 0) {
      completion_->wait_for_complete();
      reply.result = completion_->get_return_value();
    }
    if (reply.result < 0) {
      return reply;
    }
    reply.changed = changed_;
    reply.version = completion_->get_version64();
    for (librados::bufferlist& bytes : replies_) {
      reply.replies.push_back(bytes.to_str());
    }
    if (!values_.empty()) {
      reply.omap_value = values_.begin()->second.to_str();
    }
    Append(watchers_, &reply.watchers);
    return reply;
  }

 private:
  librados::ObjectReadOperation op_;
  uint64_t size_ = 0;
  time_t changed_ = 0;
  int ignored_ = 0;  // each part's own result; the first bad one is the operation's
  std::vector<librados::bufferlist> replies_;
  std::map<std::string, librados::bufferlist> values_;
  std::list<obj_watch_t> watchers_;
  librados::AioCompletion* completion_;
  int result_ = 0;
};

librados::IoCtx Context(void* io) {
  librados::IoCtx context;
  librados::IoCtx::from_rados_ioctx_t(io, context);
  return context;
}

}  // namespace

ObjectReply ReadObject(void* io, const std::string& object, const ObjectRead& what) {
  librados::IoCtx context = Context(io);
  return Reading(context, object, what).Wait();
}

std::vector<ObjectReply> ReadObjects(void* io, const std::vector<std::string>& objects,
                                     const ObjectRead& what) {
  librados::IoCtx context = Context(io);
  std::vector<std::unique_ptr<Reading>> readings(objects.size());
  std::vector<ObjectReply> replies;
  replies.reserve(objects.size());
  size_t begun = 0;
  while (replies.size() < objects.size()) {
    for (; begun < objects.size() && begun - replies.size() < kInFlight; ++begun) {
      readings[begun] = std::make_unique<Reading>(context, objects[begun], what);
    }
    std::unique_ptr<Reading> oldest = std::move(readings[replies.size()]);
    replies.push_back(oldest->Wait());
  }
  return replies;
}

int ListWatchers(void* io, const std::string& object, std::vector<Watcher>* watchers) {
  librados::IoCtx context = Context(io);
  std::list<obj_watch_t> found;
  const int r = context.list_watchers(object, &found);
  Append(found, watchers);
  return r;
}

}  // namespace rbdcsi
