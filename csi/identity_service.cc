#include "csi/identity_service.h"

namespace rbdcsi {

using csi::v1::PluginCapability;

absl::StatusOr<csi::v1::GetPluginInfoResponse> IdentityService::GetPluginInfo(
    const Call& /*call*/, const csi::v1::GetPluginInfoRequest& /*request*/) {
  csi::v1::GetPluginInfoResponse response;
  response.set_name(driver_name_);
  response.set_vendor_version(RBDCSI_VERSION);
  return response;
}

absl::StatusOr<csi::v1::GetPluginCapabilitiesResponse> IdentityService::GetPluginCapabilities(
    const Call& /*call*/, const csi::v1::GetPluginCapabilitiesRequest& /*request*/) {
  csi::v1::GetPluginCapabilitiesResponse response;
  response.add_capabilities()->mutable_service()->set_type(
      PluginCapability::Service::CONTROLLER_SERVICE);
  response.add_capabilities()->mutable_service()->set_type(
      PluginCapability::Service::GROUP_CONTROLLER_SERVICE);
  response.add_capabilities()->mutable_service()->set_type(
      PluginCapability::Service::SNAPSHOT_METADATA_SERVICE);
  response.add_capabilities()->mutable_volume_expansion()->set_type(
      PluginCapability::VolumeExpansion::ONLINE);
  return response;
}

absl::StatusOr<csi::v1::ProbeResponse> IdentityService::Probe(
    const Call& /*call*/, const csi::v1::ProbeRequest& /*request*/) {
  csi::v1::ProbeResponse response;
  response.mutable_ready()->set_value(true);
  return response;
}

grpc::Status IdentityGrpc::GetPluginInfo(grpc::ServerContext* context,
                                         const csi::v1::GetPluginInfoRequest* request,
                                         csi::v1::GetPluginInfoResponse* response) {
  return border_.ServeAlways(context, request, response, service_, &IdentityService::GetPluginInfo);
}

grpc::Status IdentityGrpc::GetPluginCapabilities(
    grpc::ServerContext* context, const csi::v1::GetPluginCapabilitiesRequest* request,
    csi::v1::GetPluginCapabilitiesResponse* response) {
  return border_.ServeAlways(context, request, response, service_,
                             &IdentityService::GetPluginCapabilities);
}

grpc::Status IdentityGrpc::Probe(grpc::ServerContext* context, const csi::v1::ProbeRequest* request,
                                 csi::v1::ProbeResponse* response) {
  return border_.ServeAlways(context, request, response, service_, &IdentityService::Probe);
}

}  // namespace rbdcsi
