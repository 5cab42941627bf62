#include "tests/live/live_ceph.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "controller/image_features.h"
#include "controller/image_header.h"

namespace rbdcsi::live {
namespace {

struct Settings {
  std::string monitors;
  std::string keyring;
  std::string run_directory;
};

std::string Get(rados_t rados, const char* option) {
  char value[4096] = {};
  if (rados_conf_get(rados, option, value, sizeof(value)) != 0) {
    throw std::runtime_error(std::string("the cluster's configuration has no ") + option);
  }
  return value;
}

const Settings& TheSettings() {
  static const Settings settings = [] {
    const char* conf = std::getenv("CEPH_CONF");  // NOLINT(concurrency-mt-unsafe)
    if (conf == nullptr) {
      throw std::runtime_error("CEPH_CONF is not set: live tests need a Ceph");
    }
    rados_t rados = nullptr;
    rados_create2(&rados, "ceph", "client.admin", 0);
    if (rados_conf_read_file(rados, conf) != 0) {
      throw std::runtime_error(std::string("cannot read ") + conf);
    }
    Settings read = {Get(rados, "mon_host"), Get(rados, "keyring"), Get(rados, "run_dir")};
    rados_shutdown(rados);
    return read;
  }();
  return settings;
}

std::string AdminKey() {
  std::ifstream file(TheSettings().keyring);
  std::string word;
  bool admin = false;
  while (file >> word) {
    if (word.front() == '[') {
      admin = word == "[client.admin]";
    } else if (admin && word == "key" && file >> word && file >> word) {
      return word;
    }
  }
  throw std::runtime_error("no key of client.admin in " + TheSettings().keyring);
}

std::string Ask(const std::string& socket_path, const std::string& command) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      write(fd, command.c_str(), command.size() + 1) < 0) {
    close(fd);
    throw std::runtime_error("cannot ask " + socket_path);
  }
  std::string reply;
  char chunk[65536];
  for (ssize_t n = read(fd, chunk, sizeof(chunk)); n > 0; n = read(fd, chunk, sizeof(chunk))) {
    reply.append(chunk, static_cast<size_t>(n));
  }
  close(fd);
  return reply.substr(4);  // its length comes first
}

}  // namespace

std::shared_ptr<Cluster> AnotherClient() {
  return Must(Cluster::Connect({.id = "live", .monitors = TheSettings().monitors},
                               {.user = "admin", .key = AdminKey()}));
}

std::shared_ptr<Cluster> Connected() {
  static const std::shared_ptr<Cluster> cluster = AnotherClient();
  return cluster;
}

Pool OpenPool(const std::shared_ptr<Cluster>& cluster) {
  return Must(Pool::Open(cluster, {.pool = "store", .rados_namespace = ""}));
}

std::unique_ptr<ImageStore> OpenStore(const std::shared_ptr<Cluster>& cluster) {
  return MakeRbdImageStore(OpenPool(cluster));
}

std::string FreshImage(const std::string& word) {
  static std::atomic<int> counter{0};
  return "csi." + word + "-" + std::to_string(getpid()) + "-" + std::to_string(++counter);
}

VolumeSpec SpecFor(const std::string& image) {
  VolumeSpec wanted;
  wanted.image = image;
  wanted.range.required_bytes = 64 * kMiB;
  wanted.spec.size_bytes = 64 * kMiB;
  wanted.spec.features = kDefaultImageFeatures;
  wanted.record.name = image.substr(4);
  wanted.record.features = kDefaultImageFeatures;
  wanted.record.order = wanted.spec.order;
  return wanted;
}

absl::StatusOr<uint64_t> Create(Provisioner provisioner, ImageStore& images,
                                const VolumeSpec& wanted) {
  const auto snapshots = MakeRbdSnapshotStore(OpenPool(Connected()));
  return provisioner.Create({.images = images, .snapshots = *snapshots}, wanted);
}

uint64_t OsdOperations() {
  const std::string reply =
      Ask(TheSettings().run_directory + "/osd.0.sock", R"({"prefix":"perf dump"})");
  return nlohmann::json::parse(reply).at("osd").at("op").get<uint64_t>();
}

void RawCreate(Pool& pool, const std::string& image, uint64_t size, uint64_t features) {
  ImageOptions options;
  rbd_image_options_set_uint64(options.get(), RBD_IMAGE_OPTION_FEATURES, features);
  REQUIRE(rbd_create4(pool.get(), image.c_str(), size, options.get()) == 0);
}

std::string RawId(Pool& pool, const std::string& image) {
  rbd_image_t opened = nullptr;
  REQUIRE(rbd_open_read_only(pool.get(), image.c_str(), &opened, nullptr) == 0);
  char id[64] = {};
  REQUIRE(rbd_get_id(opened, id, sizeof(id)) == 0);
  rbd_close(opened);
  return id;
}

void RawWrite(Pool& pool, const std::string& image) {
  rbd_image_t opened = nullptr;
  REQUIRE(rbd_open(pool.get(), image.c_str(), &opened, nullptr) == 0);
  REQUIRE(rbd_write(opened, 0, 4, "data") == 4);
  REQUIRE(rbd_flush(opened) == 0);
  REQUIRE(rbd_close(opened) == 0);
}

bool RawOpens(Pool& pool, const std::string& image) {
  rbd_image_t opened = nullptr;
  if (rbd_open_read_only(pool.get(), image.c_str(), &opened, nullptr) != 0) {
    return false;
  }
  rbd_close(opened);
  return true;
}

void RemoveObject(Pool& pool, const std::string& object) {
  REQUIRE(rados_remove(pool.get(), object.c_str()) == 0);
}

bool ObjectExists(Pool& pool, const std::string& object) {
  return image_header::Exists(pool, object) == 0;
}

}  // namespace rbdcsi::live
