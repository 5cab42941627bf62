// RAII on the C API of librados and librbd: a handle that exists is open, and closes what it
// opened.
//
// Handles move into place once and are never re-seated (no move assignment), so no open handle can
// be lost by `=`. Cluster is shared by all threads; Pool may be used by many threads at once (an
// ioctx is thread-safe as long as its namespace is not changed, and ours is set once); Image and
// the operation builders belong to one thread. Waits end: see Connect.
#pragma once

#include <rados/librados.h>
#include <rbd/librbd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/error_tables.h"
#include "controller/image_turn.h"
#include "controller/watchers.h"
#include "csi/credentials.h"

namespace rbdcsi {

struct ClusterAddress {
  std::string id;        // clusterID of the clusters file
  std::string monitors;  // as librados' mon_host takes them
};

class Cluster {
 public:
  // Connects. client_mount_timeout, rados_osd_op_timeout and rados_mon_op_timeout are set: without
  // them a silent monitor or a stopped OSD hangs the caller for minutes or for ever (measured).
  static absl::StatusOr<std::shared_ptr<Cluster>> Connect(const ClusterAddress& address,
                                                          const Credentials& credentials);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  rados_t get() const { return rados_; }
  const std::string& id() const { return id_; }
  const std::string& user() const { return user_; }
  // "client.<number>": to tell our own watches and locks from others'.
  uint64_t instance() const { return rados_get_instance_id(rados_); }

  absl::StatusOr<std::string> MonitorCommand(const std::string& json);
  // The pools with the application "rbd", from the map this client has; sorted, no round trip.
  absl::StatusOr<std::vector<std::string>> RbdPools();
  bool HasPool(const std::string& pool);

  // StatusFor, and remembers a client that will never work again: blocklisted, or shut down.
  absl::Status Fail(CephOperation operation, int error, std::string_view object);
  bool IsDead() const { return dead_.load(std::memory_order_relaxed); }
  ImageTurns& turns() { return turns_; }

 private:
  Cluster(rados_t rados, std::string id, std::string user)
      : rados_(rados), id_(std::move(id)), user_(std::move(user)) {}
  rados_t rados_;
  std::string id_;
  std::string user_;
  std::atomic<bool> dead_{false};
  ImageTurns turns_;
};

struct PoolPath {
  std::string pool;
  std::string rados_namespace;  // empty: the default one
  std::string ToString() const;
};

class Pool {
 public:
  static absl::StatusOr<Pool> Open(std::shared_ptr<Cluster> cluster, PoolPath path);
  Pool(Pool&& other) noexcept
      : cluster_(std::move(other.cluster_)),
        path_(std::move(other.path_)),
        io_(std::exchange(other.io_, nullptr)) {}
  Pool& operator=(Pool&&) = delete;
  ~Pool();

  // A handle of its own whose writes fail at once in a full pool, where others wait until they time
  // out. Only for what librbd undoes when it fails: a resize would go on without its object map.
  absl::StatusOr<Pool> WithoutWaitingForSpace() const;

  // Another pool and namespace of the same cluster, as a clone names its parent's.
  absl::StatusOr<Pool> Sibling(int64_t pool_id, const std::string& rados_namespace) const;

  rados_ioctx_t get() const { return io_; }
  Cluster& cluster() const { return *cluster_; }
  const PoolPath& path() const { return path_; }
  // "pool/image" or "pool/namespace/image", for messages.
  std::string Spec(std::string_view image) const;

 private:
  Pool(std::shared_ptr<Cluster> cluster, PoolPath path, rados_ioctx_t io)
      : cluster_(std::move(cluster)), path_(std::move(path)), io_(io) {}
  std::shared_ptr<Cluster> cluster_;
  PoolPath path_;
  rados_ioctx_t io_;
};

class Image {
 public:
  enum class Mode { kReadOnly, kReadWrite };
  // By id, never by name: the name may belong to another image by now. Errors by `operation`.
  // For writing, it waits for the image's turn and keeps it as long as it is open.
  static absl::StatusOr<Image> OpenById(Pool& pool, const std::string& id, Mode mode,
                                        CephOperation operation);
  // For writing, by a caller that holds the turn for longer than the image is open.
  static absl::StatusOr<Image> OpenInTurn(Pool& pool, const std::string& id,
                                          CephOperation operation);
  Image(Image&& other) noexcept
      : turn_(std::move(other.turn_)),
        image_(std::exchange(other.image_, nullptr)),
        mode_(other.mode_),
        client_(other.client_),
        open_elsewhere_(other.open_elsewhere_) {}
  Image& operator=(Image&&) = delete;
  ~Image();

  rbd_image_t get() const { return image_; }
  // The header's watchers of this moment, from a caller that is about to close it; closing one that
  // was open for writing asks for them otherwise (1 operation).
  void NoteWatchers(const std::vector<Watcher>& watchers);

 private:
  Image(rbd_image_t image, Mode mode, uint64_t client)
      : image_(image), mode_(mode), client_(client) {}
  std::vector<Watcher> ListWatchers() const;
  std::optional<ImageTurns::Turn> turn_;
  rbd_image_t image_;
  Mode mode_;
  uint64_t client_;  // the cluster's instance
  std::optional<bool> open_elsewhere_;
};

class ImageOptions {
 public:
  ImageOptions() { rbd_image_options_create(&options_); }
  ~ImageOptions() { rbd_image_options_destroy(options_); }
  ImageOptions(const ImageOptions&) = delete;
  ImageOptions& operator=(const ImageOptions&) = delete;

  rbd_image_options_t get() const { return options_; }

 private:
  rbd_image_options_t options_ = nullptr;
};

// A compound write. Unless told otherwise it begins with assert_exists, so that no write of ours
// brings back an object that somebody has just removed.
class WriteOp {
 public:
  enum class Start { kAssertExists, kMayCreate };
  explicit WriteOp(Start start = Start::kAssertExists);
  ~WriteOp() { rados_release_write_op(op_); }
  WriteOp(const WriteOp&) = delete;
  WriteOp& operator=(const WriteOp&) = delete;

  rados_write_op_t get() const { return op_; }
  WriteOp& Exec(const char* object_class, const char* method, const std::string& input);
  // 0 or a negative errno. Runs even when the pool is full if `when_full`: what frees space or
  // releases a lock must not wait for space.
  int Run(Pool& pool, const std::string& object, bool when_full = false);

 private:
  rados_write_op_t op_;
};

class ReadOp {
 public:
  ReadOp();
  ~ReadOp();
  ReadOp(const ReadOp&) = delete;
  ReadOp& operator=(const ReadOp&) = delete;

  rados_read_op_t get() const { return op_; }
  // The index of its reply.
  size_t Exec(const char* object_class, const char* method, const std::string& input);
  int Run(Pool& pool, const std::string& object);
  std::string_view reply(size_t index) const;

 private:
  struct Reply {
    char* data = nullptr;
    size_t size = 0;
    int result = 0;
  };
  rados_read_op_t op_;
  std::vector<std::unique_ptr<Reply>> replies_;
};

}  // namespace rbdcsi
