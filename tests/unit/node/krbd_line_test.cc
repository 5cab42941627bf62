#include "node/krbd_line.h"

#include "absl/strings/match.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

MapRequest Request() {
  MapRequest request;
  request.volume = {.cluster = "main", .pool = "rbd", .rados_namespace = "", .image = "csi.pvc-1"};
  request.monitors = "192.0.2.1:3300,192.0.2.2:3300";
  request.credentials = {.user = "node", .key = "c2VjcmV0"};
  return request;
}

std::string Line(const MapRequest& request) {
  const absl::StatusOr<KrbdLine> line = MakeKrbdLine(request, absl::Seconds(60));
  REQUIRE(line.status() == absl::OkStatus());
  return line->text;
}

}  // namespace

TEST_CASE("the line for a writable volume") {
  CHECK(Line(Request()) ==
        "192.0.2.1:3300,192.0.2.2:3300 name=node,key=rbd-csi/main/node,noshare,mount_timeout=30,"
        "lock_on_read,lock_timeout=60,ms_mode=prefer-crc rbd csi.pvc-1 -");
}

TEST_CASE("the line for a read-only volume takes no lock") {
  MapRequest request = Request();
  request.monitors = "192.0.2.1:6789";
  request.read_only = true;
  CHECK(Line(request) ==
        "192.0.2.1:6789 name=node,key=rbd-csi/main/node,noshare,mount_timeout=30,ro rbd "
        "csi.pvc-1 -");
}

TEST_CASE("the line for an exclusive map takes the lock for good") {
  MapRequest request = Request();
  request.exclusive = true;
  const absl::StatusOr<KrbdLine> line = MakeKrbdLine(request, absl::Seconds(60));
  REQUIRE(line.ok());
  CHECK(line->text ==
        "192.0.2.1:3300,192.0.2.2:3300 name=node,key=rbd-csi/main/node,noshare,mount_timeout=30,"
        "exclusive,lock_timeout=60,ms_mode=prefer-crc rbd csi.pvc-1 -");
  CHECK_FALSE(line->lock_on_read);
  CHECK(HasMapOption(line->text, kExclusive));
}

TEST_CASE("the line carries the namespace and the storage class's options") {
  MapRequest request = Request();
  request.volume.rados_namespace = "team";
  request.options = "noudev,queue_depth=64, ms_mode=secure";
  CHECK(Line(request) ==
        "192.0.2.1:3300,192.0.2.2:3300 name=node,key=rbd-csi/main/node,noshare,mount_timeout=30,"
        "lock_on_read,lock_timeout=60,_pool_ns=team,queue_depth=64,ms_mode=secure rbd csi.pvc-1 -");
}

TEST_CASE("the secret is not in the line") {
  CHECK_FALSE(absl::StrContains(Line(Request()), "c2VjcmV0"));
}

TEST_CASE("lock_on_read can be taken back for an image without exclusive-lock") {
  const absl::StatusOr<KrbdLine> line = MakeKrbdLine(Request(), absl::Seconds(60));
  REQUIRE(line.ok());
  CHECK(line->lock_on_read);
  CHECK(WithoutLockOnRead(*line) ==
        "192.0.2.1:3300,192.0.2.2:3300 name=node,key=rbd-csi/main/node,noshare,mount_timeout=30,"
        "lock_timeout=60,ms_mode=prefer-crc rbd csi.pvc-1 -");
}

TEST_CASE("map options that would break the driver are refused by name only") {
  for (const char* option : {"exclusive", "share", "secret=AQBhidden", "key=x", "name=admin",
                             "_pool_ns=other", "fsid=1", "ip=192.0.2.9", "queue_depth=1 x"}) {
    INFO(option);
    MapRequest request = Request();
    request.options = option;
    const absl::Status status = MakeKrbdLine(request, absl::Seconds(60)).status();
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK_FALSE(absl::StrContains(status.message(), "hidden"));
  }
}

TEST_CASE("a name that would end a word of the line is refused") {
  MapRequest request = Request();
  request.volume.image = "my image";
  CHECK(absl::IsFailedPrecondition(MakeKrbdLine(request, absl::Seconds(60)).status()));
  request = Request();
  request.volume.rados_namespace = "a,ro";
  CHECK(absl::IsFailedPrecondition(MakeKrbdLine(request, absl::Seconds(60)).status()));
  request = Request();
  request.monitors = std::string("192.0.2.1:3300\0", 15);
  CHECK(absl::IsFailedPrecondition(MakeKrbdLine(request, absl::Seconds(60)).status()));
  request = Request();
  request.credentials.user = "node,noshare";
  CHECK(absl::IsFailedPrecondition(MakeKrbdLine(request, absl::Seconds(60)).status()));
}

TEST_CASE("a device is ours when its key names our cluster") {
  const std::string line = Line(Request());
  CHECK(IsOurs(line, "main"));
  CHECK_FALSE(IsOurs(line, "mai"));
  CHECK_FALSE(IsOurs(line, "main2"));
  CHECK_FALSE(IsOurs("192.0.2.1:3300 name=admin,key=client.admin rbd csi.pvc-1 -", "main"));
  CHECK_FALSE(IsOurs("192.0.2.1:3300 name=admin,secret=<hidden> rbd csi.pvc-1 -", "main"));
  CHECK_FALSE(IsOurs("", "main"));
}

TEST_CASE("cluster ids with separators do not meet") {
  CHECK(KeyDescription("a,b=c d", "u") == "rbd-csi/a%2cb%3dc%20d/u");
  CHECK(KeyDescription("a%2cb", "u") != KeyDescription("a,b", "u"));
}

TEST_CASE("options are the same whatever the monitors and the image's lock") {
  const std::string line = Line(Request());
  MapRequest other = Request();
  other.monitors = "192.0.2.9:3300";
  CHECK(SameOptions(line, Line(other)));
  CHECK(SameOptions(WithoutLockOnRead({.text = line, .lock_on_read = true}), line));
  other.options = "queue_depth=64";
  CHECK_FALSE(SameOptions(line, Line(other)));
}

}  // namespace rbdcsi
