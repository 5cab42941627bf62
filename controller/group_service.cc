#include "controller/group_service.h"

#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "controller/messages.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

using csi::v1::GroupControllerServiceCapability;
using Ids = google::protobuf::RepeatedPtrField<std::string>;
using Members = GroupSnapshotter::Members;

absl::StatusOr<GroupRequest> Parse(const csi::v1::CreateVolumeGroupSnapshotRequest& request) {
  GroupRequest wanted;
  std::set<std::string> seen;
  for (const std::string& text : request.source_volume_ids()) {
    if (!seen.insert(text).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("source_volume_ids: ", text, " is there twice"));
    }
    const auto volume = VolumeId::Parse(text);
    if (!volume.has_value()) {
      return NoVolume(text);
    }
    wanted.volumes.push_back(*volume);
  }
  ASSIGN_OR_RETURN(wanted.id, GroupIdFor(request.name(), wanted.volumes));
  if (!VolumeId::Parse(wanted.id.ToString()).has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("the group snapshot's id would be ",
                                                   wanted.id.ToString(), ", which is longer than ",
                                                   kMaxIdBytes, " bytes"));
  }
  return wanted;
}

// Nullopt: not an id of ours, so there is no such group snapshot.
std::optional<VolumeId> ParseGroupId(const std::string& text) {
  std::optional<VolumeId> id = VolumeId::Parse(text);
  return id.has_value() && absl::StartsWith(id->image, Sv(kImagePrefix)) ? id : std::nullopt;
}

absl::Status NoGroup(const std::string& id) {
  return absl::NotFoundError(absl::StrCat("group snapshot ", id, ": no such group snapshot"));
}

void Fill(const VolumeId& id, const Members& members, csi::v1::VolumeGroupSnapshot* message) {
  message->set_group_snapshot_id(id.ToString());
  message->set_ready_to_use(true);
  absl::Time taken = absl::InfinitePast();
  for (const MemberSnapshot& member : members) {
    FillSnapshot(member.place, member.found, id.ToString(), message->add_snapshots());
    // They were all cut while the writers of all of them waited; the last one was at that moment.
    taken = std::max(taken, member.found.info.taken);
  }
  FillTime(taken, message->mutable_creation_time());
}

absl::Status CheckList(const VolumeId& id, const Members& members, const Ids& listed) {
  csi::v1::VolumeGroupSnapshot group;
  Fill(id, members, &group);
  std::set<std::string> ids(listed.begin(), listed.end());
  for (const csi::v1::Snapshot& snapshot : group.snapshots()) {
    if (ids.erase(snapshot.snapshot_id()) == 0) {
      return absl::InvalidArgumentError(absl::StrCat("group snapshot ", id.ToString(),
                                                     ": snapshot_ids lacks its member ",
                                                     snapshot.snapshot_id()));
    }
  }
  return ids.empty() ? absl::OkStatus()
                     : absl::InvalidArgumentError(
                           absl::StrCat("group snapshot ", id.ToString(), ": ", *ids.begin(),
                                        " of snapshot_ids is not its member"));
}

}  // namespace

std::string GroupService::LockKey(const csi::v1::CreateVolumeGroupSnapshotRequest& request) {
  if (request.name().empty() || request.source_volume_ids().empty()) {
    return std::string();
  }
  const auto wanted = Parse(request);
  return wanted.ok() ? wanted->id.ToString() : std::string();
}

absl::StatusOr<csi::v1::CreateVolumeGroupSnapshotResponse> GroupService::Create(
    const Call&, const csi::v1::CreateVolumeGroupSnapshotRequest& request) {
  if (request.name().empty()) {
    return Missing("name");
  }
  if (request.source_volume_ids().empty()) {
    return Missing("source_volume_ids");
  }
  RETURN_IF_ERROR(CheckSnapshotParameters(ToMap(request.parameters())));
  ASSIGN_OR_RETURN(const GroupRequest wanted, Parse(request));
  const auto members = groups_.Create(wanted, request.secrets());
  RETURN_IF_ERROR(members.status());
  csi::v1::CreateVolumeGroupSnapshotResponse response;
  Fill(wanted.id, *members, response.mutable_group_snapshot());
  return response;
}

absl::StatusOr<csi::v1::DeleteVolumeGroupSnapshotResponse> GroupService::Delete(
    const Call&, const csi::v1::DeleteVolumeGroupSnapshotRequest& request) {
  if (request.group_snapshot_id().empty()) {
    return Missing("group_snapshot_id");
  }
  const auto id = ParseGroupId(request.group_snapshot_id());
  if (!id.has_value()) {
    return csi::v1::DeleteVolumeGroupSnapshotResponse();
  }
  const auto members = groups_.Find(*id, request.secrets());
  if (members.ok()) {
    RETURN_IF_ERROR(CheckList(*id, *members, request.snapshot_ids()));
  } else if (!absl::IsNotFound(members.status()) && !absl::IsFailedPrecondition(members.status())) {
    return members.status();
  }
  const absl::Status deleted = groups_.Delete(*id, request.secrets());
  if (!absl::IsNotFound(deleted)) {  // else it went with its pool
    RETURN_IF_ERROR(deleted);
  }
  reaper_.Wake();  // its members may have been the last snapshots of deleted volumes
  return csi::v1::DeleteVolumeGroupSnapshotResponse();
}

absl::StatusOr<csi::v1::GetVolumeGroupSnapshotResponse> GroupService::Get(
    const Call&, const csi::v1::GetVolumeGroupSnapshotRequest& request) {
  if (request.group_snapshot_id().empty()) {
    return Missing("group_snapshot_id");
  }
  const auto id = ParseGroupId(request.group_snapshot_id());
  if (!id.has_value()) {
    return NoGroup(request.group_snapshot_id());
  }
  ASSIGN_OR_RETURN(const Members members, groups_.Find(*id, request.secrets()));
  RETURN_IF_ERROR(CheckList(*id, members, request.snapshot_ids()));
  csi::v1::GetVolumeGroupSnapshotResponse response;
  Fill(*id, members, response.mutable_group_snapshot());
  return response;
}

absl::StatusOr<csi::v1::GroupControllerGetCapabilitiesResponse> GroupService::GetCapabilities(
    const Call&, const csi::v1::GroupControllerGetCapabilitiesRequest&) {
  csi::v1::GroupControllerGetCapabilitiesResponse response;
  response.add_capabilities()->mutable_rpc()->set_type(
      GroupControllerServiceCapability::RPC::CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT);
  return response;
}

}  // namespace rbdcsi
