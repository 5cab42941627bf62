// CSI Controller: requests become domain calls, results become responses; nothing else.
//
// Checks run in the order csi-sanity wants: required fields (INVALID_ARGUMENT), existence
// (NOT_FOUND), state. A volume id that does not parse names no volume. Handlers have the shape of
// csi/rpc.h; any thread.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "controller/attacher.h"
#include "controller/condition.h"
#include "controller/parameters.h"
#include "controller/pool_space.h"
#include "controller/provisioner.h"
#include "controller/reaper.h"
#include "controller/stores.h"
#include "csi.pb.h"
#include "csi/call.h"

namespace rbdcsi {

class ControllerService {
 public:
  struct Parts {
    Stores& stores;
    Provisioner& provisioner;
    Attacher& attacher;
    Reaper& reaper;
  };
  explicit ControllerService(Parts parts) : parts_(parts), spaces_(parts.stores) {}

  // The id that CreateVolume will give, so that Create and Delete of one volume take one lock;
  // empty when the request is not good enough to say.
  std::string LockKey(const csi::v1::CreateVolumeRequest& request);

  absl::StatusOr<csi::v1::CreateVolumeResponse> CreateVolume(
      const Call& call, const csi::v1::CreateVolumeRequest& request);
  absl::StatusOr<csi::v1::DeleteVolumeResponse> DeleteVolume(
      const Call& call, const csi::v1::DeleteVolumeRequest& request);
  absl::StatusOr<csi::v1::ControllerPublishVolumeResponse> Publish(
      const Call& call, const csi::v1::ControllerPublishVolumeRequest& request);
  absl::StatusOr<csi::v1::ControllerUnpublishVolumeResponse> Unpublish(
      const Call& call, const csi::v1::ControllerUnpublishVolumeRequest& request);
  absl::StatusOr<csi::v1::ValidateVolumeCapabilitiesResponse> Validate(
      const Call& call, const csi::v1::ValidateVolumeCapabilitiesRequest& request);
  absl::StatusOr<csi::v1::ControllerExpandVolumeResponse> Expand(
      const Call& call, const csi::v1::ControllerExpandVolumeRequest& request);
  absl::StatusOr<csi::v1::ControllerModifyVolumeResponse> Modify(
      const Call& call, const csi::v1::ControllerModifyVolumeRequest& request);
  absl::StatusOr<csi::v1::ListVolumesResponse> ListVolumes(
      const Call& call, const csi::v1::ListVolumesRequest& request);
  absl::StatusOr<csi::v1::GetCapacityResponse> GetCapacity(
      const Call& call, const csi::v1::GetCapacityRequest& request);
  absl::StatusOr<csi::v1::ControllerGetVolumeResponse> GetVolume(
      const Call& call, const csi::v1::ControllerGetVolumeRequest& request);
  absl::StatusOr<csi::v1::ControllerGetCapabilitiesResponse> GetCapabilities(
      const Call& call, const csi::v1::ControllerGetCapabilitiesRequest& request);

 private:
  struct Target {
    VolumeId id;
    VolumeSpec spec;
  };
  absl::StatusOr<std::unique_ptr<ImageStore>> OpenVolume(const VolumeId& id,
                                                         const Secrets* secrets);
  absl::StatusOr<VolumeParameters> Resolve(const ParameterMap& parameters);
  absl::StatusOr<Target> TargetOf(const csi::v1::CreateVolumeRequest& request);
  absl::StatusOr<csi::v1::ControllerPublishVolumeResponse> PublishParsed(
      const csi::v1::ControllerPublishVolumeRequest& request, const VolumeId& id,
      const Attachment& wanted);
  absl::StatusOr<uint64_t> PoolCapacity(const VolumeParameters& parameters);
  absl::StatusOr<uint64_t> DefaultCapacity();
  Condition Judge(const VolumeId& id, const absl::StatusOr<Sight>& look, uint64_t own_client);

  Parts parts_;
  PoolSpaces spaces_;
};

}  // namespace rbdcsi
