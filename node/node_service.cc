#include "node/node_service.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "csi/capability.h"
#include "csi/credentials.h"
#include "csi/io_limits.h"
#include "csi/publish_context.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

namespace pb = ::csi::v1;

absl::Status Missing(const char* field) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": missing in the request"));
}

template <class Request>
absl::Status NeedVolumeId(const Request& request) {
  return request.volume_id().empty() ? Missing("volume_id") : absl::OkStatus();
}

absl::StatusOr<VolumeId> ParseId(const std::string& text) {
  std::optional<VolumeId> id = VolumeId::Parse(text);
  if (!id.has_value()) {
    return absl::NotFoundError("volume: the id is not one of this driver's, so there is none");
  }
  return *std::move(id);
}

absl::StatusOr<PublishContext> ParseContext(
    const google::protobuf::Map<std::string, std::string>& map) {
  return PublishContext::FromMap(PublishContext::Map(map.begin(), map.end()));
}

absl::StatusOr<IoLimits> ParseLimits(const google::protobuf::Map<std::string, std::string>& map) {
  return IoLimits::FromMap(IoLimits::Map(map.begin(), map.end()));
}

void AddUsage(const Amount& amount, pb::VolumeUsage::Unit unit,
              pb::NodeGetVolumeStatsResponse& response) {
  pb::VolumeUsage* usage = response.add_usage();
  usage->set_unit(unit);
  usage->set_total(static_cast<int64_t>(amount.total));
  usage->set_used(static_cast<int64_t>(amount.used));
  usage->set_available(static_cast<int64_t>(amount.available));
}

}  // namespace

absl::StatusOr<pb::NodeStageVolumeResponse> NodeService::Stage(
    const Call& call, const pb::NodeStageVolumeRequest& request) {
  RETURN_IF_ERROR(NeedVolumeId(request));
  if (request.staging_target_path().empty()) {
    return Missing("staging_target_path");
  }
  if (!request.has_volume_capability()) {
    return Missing("volume_capability");
  }
  StageRequest stage;
  stage.staging_path = request.staging_target_path();
  ASSIGN_OR_RETURN(stage.capability, ParseCapability(request.volume_capability()));
  ASSIGN_OR_RETURN(stage.volume, ParseId(request.volume_id()));
  ASSIGN_OR_RETURN(stage.context, ParseContext(request.publish_context()));
  ASSIGN_OR_RETURN(stage.credentials, FindCredentials(request.secrets(), options_.keys_directory,
                                                      stage.volume.cluster));
  RETURN_IF_ERROR(stager_.Stage(stage, call.deadline()));
  return pb::NodeStageVolumeResponse();
}

absl::StatusOr<pb::NodeUnstageVolumeResponse> NodeService::Unstage(
    const Call& call, const pb::NodeUnstageVolumeRequest& request) {
  RETURN_IF_ERROR(NeedVolumeId(request));
  if (request.staging_target_path().empty()) {
    return Missing("staging_target_path");
  }
  const std::optional<VolumeId> volume = VolumeId::Parse(request.volume_id());
  if (volume.has_value()) {
    RETURN_IF_ERROR(stager_.Unstage(
        {.volume = *volume, .staging_path = request.staging_target_path()}, call.deadline()));
  }
  return pb::NodeUnstageVolumeResponse();
}

absl::StatusOr<pb::NodePublishVolumeResponse> NodeService::Publish(
    const Call& call, const pb::NodePublishVolumeRequest& request) {
  RETURN_IF_ERROR(NeedVolumeId(request));
  if (request.target_path().empty()) {
    return Missing("target_path");
  }
  if (!request.has_volume_capability()) {
    return Missing("volume_capability");
  }
  PublishRequest publish;
  publish.target_path = request.target_path();
  publish.staging_path = request.staging_target_path();
  publish.read_only = request.readonly();
  ASSIGN_OR_RETURN(publish.capability, ParseCapability(request.volume_capability()));
  ASSIGN_OR_RETURN(publish.volume, ParseId(request.volume_id()));
  ASSIGN_OR_RETURN(publish.limits, ParseLimits(request.publish_context()));
  if (publish.staging_path.empty()) {
    return absl::FailedPreconditionError(
        "staging_target_path: missing; this driver stages volumes before it publishes them");
  }
  RETURN_IF_ERROR(publisher_.Publish(publish, call.deadline()));
  return pb::NodePublishVolumeResponse();
}

absl::StatusOr<pb::NodeUnpublishVolumeResponse> NodeService::Unpublish(
    const Call& call, const pb::NodeUnpublishVolumeRequest& request) {
  RETURN_IF_ERROR(NeedVolumeId(request));
  if (request.target_path().empty()) {
    return Missing("target_path");
  }
  RETURN_IF_ERROR(publisher_.Unpublish(
      {.volume = VolumeId::Parse(request.volume_id()), .target_path = request.target_path()},
      call.deadline()));
  return pb::NodeUnpublishVolumeResponse();
}

absl::StatusOr<pb::NodeGetVolumeStatsResponse> NodeService::GetVolumeStats(
    const Call& /*call*/, const pb::NodeGetVolumeStatsRequest& request) {
  RETURN_IF_ERROR(NeedVolumeId(request));
  if (request.volume_path().empty()) {
    return Missing("volume_path");
  }
  ASSIGN_OR_RETURN(const VolumeId volume, ParseId(request.volume_id()));
  ASSIGN_OR_RETURN(const VolumeUsage usage,
                   inspector_.Usage({.volume = volume, .path = request.volume_path()}));
  pb::NodeGetVolumeStatsResponse response;
  response.mutable_volume_condition()->set_abnormal(usage.condition.abnormal);
  response.mutable_volume_condition()->set_message(usage.condition.message);
  if (!usage.counted) {
    return response;
  }
  if (usage.block) {
    pb::VolumeUsage* bytes = response.add_usage();
    bytes->set_unit(pb::VolumeUsage::BYTES);
    bytes->set_total(static_cast<int64_t>(usage.bytes.total));
    return response;
  }
  AddUsage(usage.bytes, pb::VolumeUsage::BYTES, response);
  AddUsage(usage.inodes, pb::VolumeUsage::INODES, response);
  return response;
}

absl::StatusOr<pb::NodeExpandVolumeResponse> NodeService::Expand(
    const Call& call, const pb::NodeExpandVolumeRequest& request) {
  RETURN_IF_ERROR(NeedVolumeId(request));
  if (request.volume_path().empty()) {
    return Missing("volume_path");
  }
  ASSIGN_OR_RETURN(const VolumeId volume, ParseId(request.volume_id()));
  ExpandRequest expand{.at = {.volume = volume, .path = request.volume_path()}};
  if (request.has_capacity_range()) {
    ASSIGN_OR_RETURN(const SizeRange range, ParseCapacityRange(request.capacity_range()));
    expand.required_bytes = range.required_bytes;
  }
  ASSIGN_OR_RETURN(const uint64_t size, inspector_.Expand(expand, call.deadline()));
  pb::NodeExpandVolumeResponse response;
  response.set_capacity_bytes(static_cast<int64_t>(size));
  return response;
}

absl::StatusOr<pb::NodeGetInfoResponse> NodeService::GetInfo(
    const Call& /*call*/, const pb::NodeGetInfoRequest& /*request*/) {
  pb::NodeGetInfoResponse response;
  response.set_node_id(options_.node.ToString());
  response.set_max_volumes_per_node(options_.max_volumes);
  return response;
}

absl::StatusOr<pb::NodeGetCapabilitiesResponse> NodeService::GetCapabilities(
    const Call& /*call*/, const pb::NodeGetCapabilitiesRequest& /*request*/) {
  pb::NodeGetCapabilitiesResponse response;
  for (const auto type : {pb::NodeServiceCapability::RPC::STAGE_UNSTAGE_VOLUME,
                          pb::NodeServiceCapability::RPC::GET_VOLUME_STATS,
                          pb::NodeServiceCapability::RPC::EXPAND_VOLUME,
                          pb::NodeServiceCapability::RPC::VOLUME_CONDITION,
                          pb::NodeServiceCapability::RPC::SINGLE_NODE_MULTI_WRITER}) {
    response.add_capabilities()->mutable_rpc()->set_type(type);
  }
  return response;
}

}  // namespace rbdcsi
