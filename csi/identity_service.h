// CSI Identity, the same in both daemons: the spec wants one answer from all instances of one
// version. Probe answers without Ceph and without the kernel: livenessprobe restarts the container
// when it fails, and a Ceph outage must not become a restart loop of every node plugin.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "csi.grpc.pb.h"
#include "csi/call.h"
#include "csi/rpc.h"

namespace rbdcsi {

class IdentityService {
 public:
  explicit IdentityService(std::string driver_name) : driver_name_(std::move(driver_name)) {}
  absl::StatusOr<csi::v1::GetPluginInfoResponse> GetPluginInfo(
      const Call& call, const csi::v1::GetPluginInfoRequest& request);
  absl::StatusOr<csi::v1::GetPluginCapabilitiesResponse> GetPluginCapabilities(
      const Call& call, const csi::v1::GetPluginCapabilitiesRequest& request);
  absl::StatusOr<csi::v1::ProbeResponse> Probe(const Call& call,
                                               const csi::v1::ProbeRequest& request);

 private:
  std::string driver_name_;
};

// The RPC table of Identity.
class IdentityGrpc final : public csi::v1::Identity::Service {
 public:
  IdentityGrpc(Border& border, IdentityService& service) : border_(border), service_(service) {}

  grpc::Status GetPluginInfo(grpc::ServerContext* context,
                             const csi::v1::GetPluginInfoRequest* request,
                             csi::v1::GetPluginInfoResponse* response) override;
  grpc::Status GetPluginCapabilities(grpc::ServerContext* context,
                                     const csi::v1::GetPluginCapabilitiesRequest* request,
                                     csi::v1::GetPluginCapabilitiesResponse* response) override;
  grpc::Status Probe(grpc::ServerContext* context, const csi::v1::ProbeRequest* request,
                     csi::v1::ProbeResponse* response) override;

 private:
  Border& border_;
  IdentityService& service_;
};

}  // namespace rbdcsi
