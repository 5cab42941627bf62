#include "csi/identity_service.h"

#include <set>

#include "tests/catch.h"

namespace rbdcsi {

TEST_CASE("the plugin gives its name and version") {
  Border border({});
  IdentityService service("rbd-csi.io");
  IdentityGrpc grpc(border, service);
  csi::v1::GetPluginInfoResponse response;
  const csi::v1::GetPluginInfoRequest request;
  REQUIRE(grpc.GetPluginInfo(nullptr, &request, &response).ok());
  CHECK(response.name() == "rbd-csi.io");
  CHECK_THAT(response.vendor_version(), Catch::Matchers::Matches("\\d+\\.\\d+\\.\\d+"));
}

TEST_CASE("the plugin offers a controller, groups, changed blocks and online expansion") {
  using csi::v1::PluginCapability;
  Border border({});
  IdentityService service("rbd-csi.io");
  IdentityGrpc grpc(border, service);
  csi::v1::GetPluginCapabilitiesResponse response;
  const csi::v1::GetPluginCapabilitiesRequest request;
  REQUIRE(grpc.GetPluginCapabilities(nullptr, &request, &response).ok());
  std::set<int> services;
  std::set<int> expansions;
  for (const PluginCapability& capability : response.capabilities()) {
    (capability.has_service() ? services : expansions)
        .insert(capability.has_service() ? static_cast<int>(capability.service().type())
                                         : static_cast<int>(capability.volume_expansion().type()));
  }
  CHECK(services == std::set<int>{PluginCapability::Service::CONTROLLER_SERVICE,
                                  PluginCapability::Service::GROUP_CONTROLLER_SERVICE,
                                  PluginCapability::Service::SNAPSHOT_METADATA_SERVICE});
  CHECK(expansions == std::set<int>{PluginCapability::VolumeExpansion::ONLINE});
}

TEST_CASE("a probe is answered ready") {
  Border border({});
  IdentityService service("rbd-csi.io");
  IdentityGrpc grpc(border, service);
  csi::v1::ProbeResponse response;
  const csi::v1::ProbeRequest request;
  REQUIRE(grpc.Probe(nullptr, &request, &response).ok());
  CHECK(response.has_ready());
  CHECK(response.ready().value());
}

}  // namespace rbdcsi
