#include "csi/identity_service.h"

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

TEST_CASE("the plugin offers a controller and online expansion") {
  Border border({});
  IdentityService service("rbd-csi.io");
  IdentityGrpc grpc(border, service);
  csi::v1::GetPluginCapabilitiesResponse response;
  const csi::v1::GetPluginCapabilitiesRequest request;
  REQUIRE(grpc.GetPluginCapabilities(nullptr, &request, &response).ok());
  REQUIRE(response.capabilities_size() == 2);
  CHECK(response.capabilities(0).service().type() ==
        csi::v1::PluginCapability::Service::CONTROLLER_SERVICE);
  CHECK(response.capabilities(1).volume_expansion().type() ==
        csi::v1::PluginCapability::VolumeExpansion::ONLINE);
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
