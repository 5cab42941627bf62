#include "tests/bench/ceph_connection.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace rbdcsi {
namespace {

constexpr const char* kPerfDump = R"({"prefix": "perf dump", "format": "json"})";

// The buffers that a command returns belong to librados.
struct Answer {
  char* data = nullptr;
  size_t size = 0;
  char* text = nullptr;
  size_t text_size = 0;

  Answer() = default;
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() {
    rados_buffer_free(data);
    rados_buffer_free(text);
  }
};

absl::StatusOr<double> CounterIn(const Answer& answer, const char* section, const char* name) {
  const nlohmann::json dump =
      nlohmann::json::parse(std::string_view(answer.data, answer.size), nullptr, false);
  if (dump.is_discarded() || !dump.contains(section) || !dump[section].contains(name)) {
    return absl::NotFoundError(absl::StrCat("read counter ", section, ".", name, ": no such one"));
  }
  return dump[section][name].get<double>();
}

}  // namespace

absl::Status CephStatus(int result, std::string_view what) {
  return result >= 0 ? absl::OkStatus()
                     : ErrnoStatus(absl::StatusCode::kUnavailable, -result, what);
}

absl::StatusOr<std::unique_ptr<CephConnection>> CephConnection::Connect(const CephTarget& target) {
  std::unique_ptr<CephConnection> connection(new CephConnection(target));
  RETURN_IF_ERROR(connection->Open());
  return connection;
}

absl::Status CephConnection::Open() {
  RETURN_IF_ERROR(CephStatus(rados_create(&cluster_, target_.user.c_str()), "create handle"));
  const char* conf = target_.conf.empty() ? nullptr : target_.conf.c_str();
  RETURN_IF_ERROR(CephStatus(rados_conf_read_file(cluster_, conf), "read ceph.conf"));
  if (!target_.keyring.empty()) {
    RETURN_IF_ERROR(CephStatus(rados_conf_set(cluster_, "keyring", target_.keyring.c_str()),
                               "set option keyring"));
  }
  rados_conf_set(cluster_, "client_mount_timeout", "10");
  RETURN_IF_ERROR(CephStatus(rados_connect(cluster_), "connect to Ceph"));
  return CephStatus(rados_ioctx_create(cluster_, target_.pool.c_str(), &pool_),
                    absl::StrCat("open pool ", target_.pool));
}

CephConnection::~CephConnection() {
  if (pool_ != nullptr) {
    rados_ioctx_destroy(pool_);
  }
  if (cluster_ != nullptr) {
    rados_shutdown(cluster_);
  }
}

absl::StatusOr<Counters> CephConnection::ReadCounters() {
  const char* command = kPerfDump;
  Answer of_osd;
  RETURN_IF_ERROR(
      CephStatus(rados_osd_command(cluster_, target_.osd, &command, 1, nullptr, 0, &of_osd.data,
                                   &of_osd.size, &of_osd.text, &of_osd.text_size),
                 absl::StrCat("tell osd.", target_.osd, " perf dump")));
  Answer of_mon;
  RETURN_IF_ERROR(CephStatus(
      rados_mon_command_target(cluster_, target_.mon.c_str(), &command, 1, nullptr, 0, &of_mon.data,
                               &of_mon.size, &of_mon.text, &of_mon.text_size),
      absl::StrCat("tell mon.", target_.mon, " perf dump")));
  Counters counters;
  ASSIGN_OR_RETURN(counters.osd_ops, CounterIn(of_osd, "osd", "op"));
  ASSIGN_OR_RETURN(counters.mon_commits, CounterIn(of_mon, "paxos", "commit"));
  return counters;
}

}  // namespace rbdcsi
