// The service without gRPC: what is checked before anything is touched. The kernel's part is tested
// in a node.
#include "node/node_service.h"

#include <functional>

#include "absl/time/clock.h"
#include "tests/catch.h"
#include "tests/unit/node/scratch.h"

namespace rbdcsi {
namespace {

namespace pb = ::csi::v1;

// A node on which nothing is mapped.
struct Bench {
  Bench()
      : paths(*AllowedPaths::Make({scratch.path()})),
        mapper(MakeKrbd({.sysfs = scratch.path()})),
        service({.node = {.name = "node-1", .address = "192.0.2.11"}, .max_volumes = 7}, *mapper,
                paths) {}
  Scratch scratch;
  AllowedPaths paths;
  std::unique_ptr<DeviceMapper> mapper;
  NodeService service;
  Call call{"Test", "id", absl::Now() + absl::Seconds(10)};
};

constexpr char kUnknown[] = "fake-vol-id";
constexpr char kVolume[] = "main/rbd/csi.a";

pb::VolumeCapability Mount() {
  pb::VolumeCapability capability;
  capability.mutable_mount();
  capability.mutable_access_mode()->set_mode(pb::VolumeCapability::AccessMode::SINGLE_NODE_WRITER);
  return capability;
}

}  // namespace

TEST_CASE("a stage without a required field is an invalid argument") {
  Bench bench;
  pb::NodeStageVolumeRequest request;
  CHECK(absl::IsInvalidArgument(bench.service.Stage(bench.call, request).status()));
  request.set_volume_id(kUnknown);
  CHECK(absl::IsInvalidArgument(bench.service.Stage(bench.call, request).status()));
  request.set_staging_target_path("/x");
  CHECK(absl::IsInvalidArgument(bench.service.Stage(bench.call, request).status()));
  *request.mutable_volume_capability() = Mount();
  CHECK(absl::IsNotFound(bench.service.Stage(bench.call, request).status()));
}

TEST_CASE("a publish checks its fields before the staging path") {
  Bench bench;
  pb::NodePublishVolumeRequest request;
  request.set_volume_id(kVolume);
  request.set_target_path("/x");
  CHECK(absl::IsInvalidArgument(bench.service.Publish(bench.call, request).status()));
  *request.mutable_volume_capability() = Mount();
  CHECK(absl::IsFailedPrecondition(bench.service.Publish(bench.call, request).status()));
}

TEST_CASE("a publish of a volume that is not staged leaves no target") {
  Bench bench;
  pb::NodePublishVolumeRequest request;
  request.set_volume_id(kVolume);
  request.set_staging_target_path(bench.scratch.Directory("staging"));
  request.set_target_path(bench.scratch.path() + "/target");
  *request.mutable_volume_capability() = Mount();
  const absl::Status status = bench.service.Publish(bench.call, request).status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(access(request.target_path().c_str(), F_OK) != 0);
}

TEST_CASE("undoing what was never done is fine") {
  Bench bench;
  for (const char* id : {kUnknown, kVolume}) {
    pb::NodeUnpublishVolumeRequest unpublish;
    unpublish.set_volume_id(id);
    unpublish.set_target_path(bench.scratch.path() + "/none/target");
    CHECK(bench.service.Unpublish(bench.call, unpublish).ok());
    pb::NodeUnstageVolumeRequest unstage;
    unstage.set_volume_id(id);
    unstage.set_staging_target_path(bench.scratch.path() + "/none");
    CHECK(bench.service.Unstage(bench.call, unstage).ok());
  }
}

TEST_CASE("unpublish removes an empty target and nothing else") {
  Bench bench;
  pb::NodeUnpublishVolumeRequest request;
  request.set_volume_id(kVolume);
  request.set_target_path(bench.scratch.Directory("empty"));
  CHECK(bench.service.Unpublish(bench.call, request).ok());
  CHECK(access(request.target_path().c_str(), F_OK) != 0);

  const std::string file = bench.scratch.File("full/data", "precious");
  request.set_target_path(bench.scratch.path() + "/full");
  CHECK(absl::IsFailedPrecondition(bench.service.Unpublish(bench.call, request).status()));
  request.set_target_path(file);
  CHECK(absl::IsFailedPrecondition(bench.service.Unpublish(bench.call, request).status()));
  CHECK(Read(file, 0, 8) == "precious");
}

TEST_CASE("stats and expand of a path without the volume are not found") {
  Bench bench;
  for (const char* id : {kUnknown, kVolume}) {
    for (const std::string& path : {std::string("some/path"), bench.scratch.path() + "/x"}) {
      pb::NodeGetVolumeStatsRequest stats;
      stats.set_volume_id(id);
      stats.set_volume_path(path);
      CHECK(absl::IsNotFound(bench.service.GetVolumeStats(bench.call, stats).status()));
      pb::NodeExpandVolumeRequest expand;
      expand.set_volume_id(id);
      expand.set_volume_path(path);
      CHECK(absl::IsNotFound(bench.service.Expand(bench.call, expand).status()));
    }
  }
}

TEST_CASE("the node tells who it is") {
  Bench bench;
  const auto info = bench.service.GetInfo(bench.call, {});
  REQUIRE(info.ok());
  CHECK(info->node_id() == "v1/node-1/192.0.2.11");
  CHECK(info->max_volumes_per_node() == 7);
}

}  // namespace rbdcsi
