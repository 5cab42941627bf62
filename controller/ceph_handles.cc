#include "controller/ceph_handles.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "controller/error_tables.h"
#include "controller/lost_locks.h"
#include "controller/pool_errors.h"
#include "csi/status.h"
#include "csi/step.h"

namespace rbdcsi {
namespace {

struct Setting {
  const char* name;
  const char* value;
};

constexpr Setting kSettings[] = {
    // Every fault must be answered within 15 s. librbd tries to undo a create that timed out, which
    // times out as well, so an operation has less than half of that.
    {"client_mount_timeout", "5"},
    {"rados_osd_op_timeout", "6"},
    {"rados_mon_op_timeout", "6"},
    // The key is handed over in memory; no file of the host may be taken for it.
    {"keyring", ""},
    {"admin_socket", ""},
    {"log_file", ""},
    {"log_to_stderr", "false"},
    {"err_to_stderr", "false"},
    {"log_max_recent", "1"},
    {"debug_ms", "0/0"},
    {"debug_rados", "0/0"},
    {"debug_objecter", "0/0"},
    {"debug_rbd", "0/0"},
    {"debug_monc", "0/0"},
    {"debug_auth", "0/0"},
    // A controller writes no data: no cache, and few threads per cluster.
    {"rbd_cache", "false"},
    {"ms_async_op_threads", "1"},
};

int Configure(rados_t rados, const ClusterAddress& address, const Credentials& credentials) {
  for (const Setting& setting : kSettings) {
    // A Ceph that has dropped one of these has nothing to bound by it.
    rados_conf_set(rados, setting.name, setting.value);
  }
  if (const int r = rados_conf_set(rados, "mon_host", address.monitors.c_str()); r < 0) {
    return r;
  }
  return rados_conf_set(rados, "key", credentials.key.c_str());
}

bool HasApplication(rados_ioctx_t io, std::string_view application) {
  std::string names(256, '\0');
  size_t size = names.size();
  int r = rados_application_list(io, names.data(), &size);
  if (r == -ERANGE) {
    names.resize(size);
    r = rados_application_list(io, names.data(), &size);
  }
  if (r < 0) {
    return false;
  }
  const std::vector<std::string> list = absl::StrSplit(names.substr(0, size), '\0');
  return std::find(list.begin(), list.end(), application) != list.end();
}

}  // namespace

absl::StatusOr<std::shared_ptr<Cluster>> Cluster::Connect(const ClusterAddress& address,
                                                          const Credentials& credentials) {
  const std::string object =
      absl::StrCat(address.id, " at ", address.monitors, " as client.", credentials.user);
  rados_t rados = nullptr;
  if (const int r =
          rados_create2(&rados, "ceph", absl::StrCat("client.", credentials.user).c_str(), 0);
      r < 0) {
    return StatusFor(TableFor(CephOperation::kConnect), -r, object);
  }
  std::shared_ptr<Cluster> cluster(new Cluster(rados, address.id, credentials.user));
  int r = Configure(rados, address, credentials);
  if (r == 0) {
    r = rados_connect(rados);
    if (r > 0) {
      // Authentication was still under way when it ended, on a machine that hardly ran: librados
      // has shut the client down (seen with 16.2; MonClient::authenticate begins with the result
      // 1).
      r = -ETIMEDOUT;
    }
  }
  if (r < 0) {
    return StatusFor(TableFor(CephOperation::kConnect), -r, object);
  }
  return cluster;
}

Cluster::~Cluster() { rados_shutdown(rados_); }

absl::StatusOr<std::string> Cluster::MonitorCommand(const std::string& json) {
  const char* command[] = {json.c_str()};
  char* out = nullptr;
  char* text = nullptr;
  size_t out_size = 0;
  size_t text_size = 0;
  const int r = rados_mon_command(rados_, command, 1, "", 0, &out, &out_size, &text, &text_size);
  std::string reply(out, out_size);
  rados_buffer_free(out);
  rados_buffer_free(text);
  if (r < 0) {
    return Fail(CephOperation::kMonitor, -r, id_);
  }
  return reply;
}

absl::StatusOr<std::vector<std::string>> Cluster::RbdPools() {
  std::string names(4096, '\0');
  int size = rados_pool_list(rados_, names.data(), names.size());
  if (size > static_cast<int>(names.size())) {
    names.resize(size);
    size = rados_pool_list(rados_, names.data(), names.size());
  }
  if (size < 0) {
    return Fail(CephOperation::kMonitor, -size, id_);
  }
  std::vector<std::string> pools;
  for (const char* name = names.c_str(); *name != '\0'; name += std::string_view(name).size() + 1) {
    rados_ioctx_t io = nullptr;
    if (rados_ioctx_create(rados_, name, &io) == 0) {
      if (HasApplication(io, "rbd")) {
        pools.emplace_back(name);
      }
      rados_ioctx_destroy(io);
    }
  }
  std::sort(pools.begin(), pools.end());
  return pools;
}

bool Cluster::HasPool(const std::string& pool) {
  return rados_pool_lookup(rados_, pool.c_str()) >= 0;
}

absl::Status Cluster::Fail(CephOperation operation, int error, std::string_view object) {
  if (error == ESHUTDOWN || error == ENOTCONN) {
    dead_.store(true, std::memory_order_relaxed);
  }
  return StatusFor(TableFor(operation), error, object);
}

std::string PoolPath::ToString() const {
  return rados_namespace.empty() ? pool : absl::StrCat(pool, "/", rados_namespace);
}

absl::StatusOr<Pool> Pool::Open(std::shared_ptr<Cluster> cluster, PoolPath path) {
  rados_ioctx_t io = nullptr;
  if (const int r = rados_ioctx_create(cluster->get(), path.pool.c_str(), &io); r < 0) {
    return cluster->Fail(CephOperation::kOpenPool, -r, path.pool);
  }
  rados_ioctx_set_namespace(io, path.rados_namespace.c_str());
  return Pool(std::move(cluster), std::move(path), io);
}

absl::StatusOr<Pool> Pool::WithoutWaitingForSpace() const {
  absl::StatusOr<Pool> pool = Open(cluster_, path_);
  if (pool.ok()) {
    rados_set_pool_full_try(pool->get());
  }
  return pool;
}

absl::StatusOr<Pool> Pool::Sibling(int64_t pool_id, const std::string& rados_namespace) const {
  char name[256] = {};
  if (const int r = rados_pool_reverse_lookup(cluster_->get(), pool_id, name, sizeof(name));
      r < 0) {
    return cluster_->Fail(CephOperation::kOpenPool, -r, absl::StrCat("with the number ", pool_id));
  }
  return Open(cluster_, {.pool = name, .rados_namespace = rados_namespace});
}

Pool::~Pool() {
  if (io_ != nullptr) {
    rados_ioctx_destroy(io_);
  }
}

std::string Pool::Spec(std::string_view image) const {
  return absl::StrCat(path_.ToString(), "/", Sv(image));
}

absl::StatusOr<Image> Image::OpenById(Pool& pool, const std::string& id, Mode mode,
                                      CephOperation operation) {
  if (mode == Mode::kReadWrite) {
    ImageTurns::Turn turn = TakeTurn(pool, id);
    ASSIGN_OR_RETURN(Image image, OpenInTurn(pool, id, operation));
    image.turn_.emplace(std::move(turn));
    return image;
  }
  rbd_image_t image = nullptr;
  const int r = rbd_open_by_id_read_only(pool.get(), id.c_str(), &image, nullptr);
  if (r < 0) {
    return pool.cluster().Fail(operation, -r, SpecById(pool, id));
  }
  return Image(image, mode, pool.cluster().instance());
}

absl::StatusOr<Image> Image::OpenInTurn(Pool& pool, const std::string& id,
                                        CephOperation operation) {
  // Whatever is done with it, librbd takes the image's lock for it.
  int r = lost_locks::Note(pool, id);
  rbd_image_t image = nullptr;
  if (r >= 0) {
    r = rbd_open_by_id(pool.get(), id.c_str(), &image, nullptr);
  }
  if (r < 0) {
    return pool.cluster().Fail(operation, -r, SpecById(pool, id));
  }
  return Image(image, Mode::kReadWrite, pool.cluster().instance());
}

Image::~Image() {
  if (image_ == nullptr) {
    return;
  }
  std::optional<Step> step;
  if (mode_ == Mode::kReadWrite) {
    // Gives up the lock; waits for as long as the OSD is silent (ADR 10).
    step.emplace("close image");
    if (!open_elsewhere_.has_value()) {
      NoteWatchers(ListWatchers());
    }
    // Another program may have asked the owner of the lock, us, to change the image for it. librbd
    // (16.2.15) does not wait for that when it closes an image, and ends the process when it has an
    // answer to give afterwards (image_turn.h); when it releases the lock, it does wait.
    if (*open_elsewhere_) {
      rbd_lock_release(image_);
    }
  }
  rbd_close(image_);
}

void Image::NoteWatchers(const std::vector<Watcher>& watchers) {
  // The kernel counts the handles of its watches from here on (CEPH_LINGER_ID_START in Linux'
  // osd_client.c); those of librados are addresses. A kernel asks for the lock and nothing else.
  constexpr uint64_t kFirstOfKernel = 0xffff000000000000;
  open_elsewhere_ = std::any_of(watchers.begin(), watchers.end(), [this](const Watcher& watcher) {
    return watcher.handle < kFirstOfKernel && watcher.client != client_;
  });
}

// Empty when Ceph does not answer: then it would not release the lock either.
std::vector<Watcher> Image::ListWatchers() const {
  std::vector<rbd_image_watcher_t> found(4);
  size_t count = found.size();
  int r = rbd_watchers_list(image_, found.data(), &count);
  while (r == -ERANGE) {
    found.resize(count + 1);
    count = found.size();
    r = rbd_watchers_list(image_, found.data(), &count);
  }
  std::vector<Watcher> watchers;
  for (size_t i = 0; r == 0 && i < count; ++i) {
    watchers.push_back({.address = found[i].addr,
                        .client = static_cast<uint64_t>(found[i].id),
                        .handle = found[i].cookie});
  }
  if (r == 0) {
    rbd_watchers_list_cleanup(found.data(), count);
  }
  return watchers;
}

WriteOp::WriteOp(Start start) : op_(rados_create_write_op()) {
  if (start == Start::kAssertExists) {
    rados_write_op_assert_exists(op_);
  }
}

WriteOp& WriteOp::Exec(const char* object_class, const char* method, const std::string& input) {
  rados_write_op_exec(op_, object_class, method, input.data(), input.size(), nullptr);
  return *this;
}

int WriteOp::Run(Pool& pool, const std::string& object, bool when_full) {
  return rados_write_op_operate(
      op_, pool.get(), object.c_str(), nullptr,
      when_full ? LIBRADOS_OPERATION_FULL_FORCE : LIBRADOS_OPERATION_FULL_TRY);
}

ReadOp::ReadOp() : op_(rados_create_read_op()) { rados_read_op_assert_exists(op_); }

ReadOp::~ReadOp() {
  rados_release_read_op(op_);
  for (const auto& reply : replies_) {
    rados_buffer_free(reply->data);
  }
}

size_t ReadOp::Exec(const char* object_class, const char* method, const std::string& input) {
  Reply& reply = *replies_.emplace_back(std::make_unique<Reply>());
  rados_read_op_exec(op_, object_class, method, input.data(), input.size(), &reply.data,
                     &reply.size, &reply.result);
  return replies_.size() - 1;
}

int ReadOp::Run(Pool& pool, const std::string& object) {
  return rados_read_op_operate(op_, pool.get(), object.c_str(), LIBRADOS_OPERATION_NOFLAG);
}

std::string_view ReadOp::reply(size_t index) const {
  return {replies_[index]->data, replies_[index]->size};
}

}  // namespace rbdcsi
