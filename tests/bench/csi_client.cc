#include "tests/bench/csi_client.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr std::chrono::seconds kDeadline(120);

template <class Stub, class Request, class Response>
absl::Status Invoke(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const char* name, const Request& request, Response* response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  const grpc::Status status = (stub.*method)(&context, request, response);
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.ok() ? "" : absl::StrCat(name, ": ", status.error_message()));
}

csi::v1::VolumeCapability SingleWriterMount() {
  csi::v1::VolumeCapability capability;
  capability.mutable_mount()->set_fs_type("ext4");
  capability.mutable_access_mode()->set_mode(
      csi::v1::VolumeCapability::AccessMode::SINGLE_NODE_WRITER);
  return capability;
}

}  // namespace

CsiClient::CsiClient(const std::string& socket)
    : channel_(
          grpc::CreateChannel(absl::StrCat("unix:", socket), grpc::InsecureChannelCredentials())),
      identity_(csi::v1::Identity::NewStub(channel_)),
      controller_(csi::v1::Controller::NewStub(channel_)),
      node_(csi::v1::Node::NewStub(channel_)) {}

absl::StatusOr<std::string> CsiClient::CreateVolume(const Wanted& wanted) {
  csi::v1::CreateVolumeRequest request;
  request.set_name(wanted.name);
  request.mutable_capacity_range()->set_required_bytes(static_cast<int64_t>(wanted.size_bytes));
  *request.add_volume_capabilities() = SingleWriterMount();
  request.mutable_parameters()->insert(wanted.parameters.begin(), wanted.parameters.end());
  csi::v1::VolumeContentSource& source = *request.mutable_volume_content_source();
  if (!wanted.from_snapshot.empty()) {
    source.mutable_snapshot()->set_snapshot_id(wanted.from_snapshot);
  } else if (!wanted.from_volume.empty()) {
    source.mutable_volume()->set_volume_id(wanted.from_volume);
  } else {
    request.clear_volume_content_source();
  }
  csi::v1::CreateVolumeResponse response;
  const absl::Status status = Invoke(*controller_, &csi::v1::Controller::Stub::CreateVolume,
                                     "CreateVolume", request, &response);
  if (!status.ok()) {
    return status;
  }
  return response.volume().volume_id();
}

absl::Status CsiClient::DeleteVolume(const std::string& volume_id) {
  csi::v1::DeleteVolumeRequest request;
  request.set_volume_id(volume_id);
  csi::v1::DeleteVolumeResponse response;
  return Invoke(*controller_, &csi::v1::Controller::Stub::DeleteVolume, "DeleteVolume", request,
                &response);
}

absl::Status CsiClient::Expand(const std::string& volume_id, uint64_t size_bytes) {
  csi::v1::ControllerExpandVolumeRequest request;
  request.set_volume_id(volume_id);
  request.mutable_capacity_range()->set_required_bytes(static_cast<int64_t>(size_bytes));
  csi::v1::ControllerExpandVolumeResponse response;
  return Invoke(*controller_, &csi::v1::Controller::Stub::ControllerExpandVolume,
                "ControllerExpandVolume", request, &response);
}

absl::StatusOr<CsiClient::VolumePage> CsiClient::ListVolumes(const PageWanted& wanted) {
  csi::v1::ListVolumesRequest request;
  request.set_max_entries(wanted.max_entries);
  request.set_starting_token(wanted.token);
  csi::v1::ListVolumesResponse response;
  RETURN_IF_ERROR(Invoke(*controller_, &csi::v1::Controller::Stub::ListVolumes, "ListVolumes",
                         request, &response));
  return VolumePage{.entries = response.entries_size(), .next_token = response.next_token()};
}

absl::StatusOr<std::string> CsiClient::CreateSnapshot(const WantedSnapshot& wanted) {
  csi::v1::CreateSnapshotRequest request;
  request.set_source_volume_id(wanted.volume_id);
  request.set_name(wanted.name);
  csi::v1::CreateSnapshotResponse response;
  RETURN_IF_ERROR(Invoke(*controller_, &csi::v1::Controller::Stub::CreateSnapshot, "CreateSnapshot",
                         request, &response));
  return response.snapshot().snapshot_id();
}

absl::Status CsiClient::DeleteSnapshot(const std::string& snapshot_id) {
  csi::v1::DeleteSnapshotRequest request;
  request.set_snapshot_id(snapshot_id);
  csi::v1::DeleteSnapshotResponse response;
  return Invoke(*controller_, &csi::v1::Controller::Stub::DeleteSnapshot, "DeleteSnapshot", request,
                &response);
}

absl::Status CsiClient::Publish(const Attachment& attachment) {
  csi::v1::ControllerPublishVolumeRequest request;
  request.set_volume_id(attachment.volume_id);
  request.set_node_id(attachment.node_id);
  *request.mutable_volume_capability() = SingleWriterMount();
  csi::v1::ControllerPublishVolumeResponse response;
  return Invoke(*controller_, &csi::v1::Controller::Stub::ControllerPublishVolume,
                "ControllerPublishVolume", request, &response);
}

absl::Status CsiClient::Unpublish(const Attachment& attachment) {
  csi::v1::ControllerUnpublishVolumeRequest request;
  request.set_volume_id(attachment.volume_id);
  request.set_node_id(attachment.node_id);
  csi::v1::ControllerUnpublishVolumeResponse response;
  return Invoke(*controller_, &csi::v1::Controller::Stub::ControllerUnpublishVolume,
                "ControllerUnpublishVolume", request, &response);
}

absl::Status CsiClient::Stage(const Staging& staging) {
  csi::v1::NodeStageVolumeRequest request;
  request.set_volume_id(staging.volume_id);
  request.mutable_publish_context()->insert(staging.publish_context.begin(),
                                            staging.publish_context.end());
  request.set_staging_target_path(staging.path);
  *request.mutable_volume_capability() = SingleWriterMount();
  csi::v1::NodeStageVolumeResponse response;
  return Invoke(*node_, &csi::v1::Node::Stub::NodeStageVolume, "NodeStageVolume", request,
                &response);
}

absl::Status CsiClient::Unstage(const Staging& staging) {
  csi::v1::NodeUnstageVolumeRequest request;
  request.set_volume_id(staging.volume_id);
  request.set_staging_target_path(staging.path);
  csi::v1::NodeUnstageVolumeResponse response;
  return Invoke(*node_, &csi::v1::Node::Stub::NodeUnstageVolume, "NodeUnstageVolume", request,
                &response);
}

absl::Status CsiClient::Probe() {
  csi::v1::ProbeResponse response;
  return Invoke(*identity_, &csi::v1::Identity::Stub::Probe, "Probe", csi::v1::ProbeRequest(),
                &response);
}

}  // namespace rbdcsi
