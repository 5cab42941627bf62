// What is refused before Ceph is asked.
#include "controller/snapshot_service.h"

#include "tests/catch.h"

namespace rbdcsi {
namespace {

constexpr char kVolume[] =
    "9f2d6c6e-1c4b-11ee-9d1b-525400a1b2c3/replicated-pool-east/tenant-of-department/csi.pvc-1";

absl::Status CreateSnapshot(const std::string& name) {
  ClustersFile clusters("/nonexistent");
  Stores stores(clusters, "");
  Metrics metrics;
  Reaper reaper(stores, metrics, absl::ZeroDuration());
  SnapshotService service(stores, reaper);
  csi::v1::CreateSnapshotRequest request;
  request.set_source_volume_id(kVolume);
  request.set_name(name);
  return service.Create(Call("CreateSnapshot", "1", absl::InfiniteFuture()), request).status();
}

TEST_CASE("a snapshot whose id would be too long to be read again is not taken") {
  const absl::Status status = CreateSnapshot("snapshot-0a1b2c3d-4e5f-6789-abcd-ef0123456789");
  CHECK(absl::IsInvalidArgument(status));
  CHECK_THAT(std::string(status.message()), Catch::Matchers::Contains("longer than 128 bytes"));
  // A shorter one gets as far as to the clusters file.
  CHECK(absl::IsFailedPrecondition(CreateSnapshot("snapshot-1")));
}

}  // namespace
}  // namespace rbdcsi
