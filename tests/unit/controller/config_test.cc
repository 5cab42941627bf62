#include "controller/config.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "controller/capacity.h"
#include "controller/catalog.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

std::string ErrorOf(const std::string& text) {
  const auto parsed = ParseClusters(text);
  CHECK(absl::IsInvalidArgument(parsed.status()));
  return std::string(parsed.status().message());
}

bool Says(const std::string& message, const std::string& part) {
  INFO(message);
  return message.find(part) != std::string::npos;
}

class TemporaryFile {
 public:
  TemporaryFile() : path_("/tmp/rbdcsi-config-XXXXXX") { close(mkstemp(path_.data())); }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }
  void Write(const std::string& text) const { std::ofstream(path_) << text; }

 private:
  std::string path_;
};

TEST_CASE("a file made for ceph-csi is read as it is") {
  const auto parsed = ParseClusters(R"([
    {"clusterID": "a", "monitors": ["192.0.2.1:6789", "192.0.2.2:6789"],
     "rbd": {"radosNamespace": "k8s", "mirrorDaemonCount": 2, "netNamespaceFilePath": "/x"},
     "cephFS": {"subvolumeGroup": "csi"}, "nfs": {},
     "readAffinity": {"enabled": true, "crushLocationLabels": ["zone"]}},
    {"clusterID": "b", "monitors": ["192.0.2.9:3300"], "pools": ["one", "two"]}])");
  REQUIRE(parsed.ok());
  REQUIRE(parsed->size() == 2);
  CHECK(parsed->at(0).rados_namespace == "k8s");
  CHECK(parsed->at(0).MonHost() == "192.0.2.1:6789,192.0.2.2:6789");
  CHECK(parsed->at(1).pools == std::vector<std::string>{"one", "two"});
}

TEST_CASE("a mistake in the clusters file is told by line and key") {
  CHECK(Says(ErrorOf("[\n{\"clusterID\": \"a\",\n\"monitor\": [\"x\"]}]"),
             "line 3: key monitor: unknown (did you mean monitors?)"));
  CHECK(Says(ErrorOf("[\n{\"clusterID\": \"a\",\n \"monitors\": []}]"), "line 3: key monitors"));
  CHECK(Says(ErrorOf("[{\"monitors\": [\"x\"]}]"), "key clusterID: missing"));
  CHECK(Says(ErrorOf("[\n{,}]"), "line 2: not JSON"));
  CHECK(Says(ErrorOf("{}"), "must be a list"));
  CHECK(Says(ErrorOf("[]"), "at least one"));
  CHECK(Says(ErrorOf("[{\"clusterID\":\"a/b\",\"monitors\":[\"x\"]}]"), "volume ids"));
  CHECK(Says(ErrorOf("[{\"clusterID\":\"a\",\"monitors\":[\"x\"]},"
                     "{\"clusterID\":\"a\",\"monitors\":[\"x\"]}]"),
             "twice"));
}

TEST_CASE("a number that no number can hold is a mistake like any other") {
  CHECK(Says(ErrorOf("[1e999]"), "line 1: a number in it is too large"));
}

TEST_CASE("a name that could not be a part of a volume id is refused where it is written") {
  CHECK(Says(ErrorOf(R"([{"clusterID": "-a", "monitors": ["x"]}])"), "key clusterID"));
  CHECK(Says(ErrorOf(R"([{"clusterID": "a\u0000", "monitors": ["x"]}])"), "key clusterID"));
  CHECK(
      Says(ErrorOf(R"([{"clusterID": "a", "monitors": ["x"], "rbd": {"radosNamespace": "b/c"}}])"),
           "key radosNamespace"));
}

TEST_CASE("a monitor of which no kernel can be told is refused") {
  for (const char* monitor : {" ", ",", "192.0.2.1:3300 192.0.2.2:3300", "[v2:,v1:]", "v2:v1:x"}) {
    INFO(monitor);
    const std::string text =
        std::string(R"([{"clusterID": "a", "monitors": [")") + monitor + R"("]}])";
    CHECK(Says(ErrorOf(text), "is no address"));
  }
}

TEST_CASE(
    "the kernel gets plain monitor addresses, of a pair the one it can guess the protocol of") {
  ClusterConfig config;
  config.monitors = {"192.0.2.1:3300", "v2:192.0.2.2:3300", "[v2:192.0.2.3:3300,v1:192.0.2.3:6789]",
                     "[v2:192.0.2.4:40000,v1:192.0.2.4:40001]", "[2001:db8::1]:6789"};
  CHECK(config.KernelMonitors() ==
        "192.0.2.1:3300,192.0.2.2:3300,192.0.2.3:3300,192.0.2.4:40001,[2001:db8::1]:6789");
}

TEST_CASE("a changed file is read again, and a broken one leaves the former in force") {
  const TemporaryFile file;
  ClustersFile clusters(file.path());
  file.Write("broken");
  CHECK(absl::IsFailedPrecondition(clusters.Read().status()));
  file.Write(R"([{"clusterID": "a", "monitors": ["x"]}])");
  CHECK(clusters.Find("")->id == "a");
  file.Write(R"([{"clusterID": "a", "monitors": ["x"]}, {"clusterID": "b", "monitors": ["y"]}])");
  CHECK(clusters.Find("b")->id == "b");
  CHECK(absl::IsInvalidArgument(clusters.Find("").status()));
  CHECK(absl::IsInvalidArgument(clusters.Find("c").status()));
  file.Write("broken again");
  CHECK(clusters.Find("b")->id == "b");
  file.Write(R"([{"clusterID": "c", "monitors": ["x"]}])");
  CHECK(clusters.Find("c")->id == "c");
}

TEST_CASE("capacity is what devices have or what the quota leaves, the smaller") {
  const std::string df = R"({"pools": [
      {"name": "free", "stats": {"max_avail": 1000, "stored": 10, "quota_bytes": 0}},
      {"name": "tight", "stats": {"max_avail": 1000, "stored": 90, "quota_bytes": 100}},
      {"name": "over", "stats": {"max_avail": 1000, "stored": 150, "quota_bytes": 100}}]})";
  CHECK(*AvailableBytes(df, "free") == 1000);
  CHECK(*AvailableBytes(df, "tight") == 10);
  CHECK(*AvailableBytes(df, "over") == 0);
  CHECK(absl::IsNotFound(AvailableBytes(df, "none").status()));
  CHECK(absl::IsUnavailable(AvailableBytes("what?", "free").status()));
}

TEST_CASE("a page's token leads back to its position, and anything else is no token") {
  const Position position = {.place = {"a", "rbd", ""}, .image = "csi.pvc-1"};
  const auto back = Position::Parse(position.ToString());
  REQUIRE(back.has_value());
  CHECK(back->place == position.place);
  CHECK(back->image == position.image);
  for (const char* bad : {"", "invalid-token", "a/b/c", "a/b//", "/b//c", "a/b/c/d/e"}) {
    CHECK_FALSE(Position::Parse(bad).has_value());
  }
}

}  // namespace
}  // namespace rbdcsi
