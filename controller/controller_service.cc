#include "controller/controller_service.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "controller/capacity.h"
#include "controller/catalog.h"
#include "controller/image_features.h"
#include "controller/messages.h"
#include "controller/modifier.h"
#include "controller/sources.h"
#include "csi/publish_context.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

void FillVolume(const VolumeId& id, const Sight& sight, csi::v1::Volume* volume) {
  volume->set_volume_id(id.ToString());
  volume->set_capacity_bytes(static_cast<int64_t>(sight.size_bytes));
}

absl::StatusOr<SourceName> ParseSource(const csi::v1::CreateVolumeRequest& request) {
  const auto& message = request.volume_content_source();
  const SourceName source = {.snapshot_id = message.snapshot().snapshot_id(),
                             .volume_id = message.volume().volume_id()};
  if (request.has_volume_content_source() && source.snapshot_id.empty() &&
      source.volume_id.empty()) {
    return Missing("volume_content_source.snapshot.snapshot_id or .volume.volume_id");
  }
  return source;
}

absl::Status DescribeSource(const SourceName& source, VolumeSpec& spec) {
  if ((spec.spec.features & kFeatureLayering) == 0) {
    return absl::InvalidArgumentError(
        "parameter imageFeatures: a volume from a source is a clone and needs layering");
  }
  spec.record.source = source.snapshot_id.empty() ? source.volume_id : source.snapshot_id;
  if (spec.source->ok()) {
    spec.record.depth = (*spec.source)->depth + 1;
  }
  return absl::OkStatus();
}

template <class Status>
void FillStatus(const Sight& sight, const Condition& condition, Status* status) {
  for (std::string& node : PublishedNodes(sight)) {
    status->add_published_node_ids(std::move(node));
  }
  status->mutable_volume_condition()->set_abnormal(condition.abnormal);
  status->mutable_volume_condition()->set_message(condition.message);
}

}  // namespace

absl::StatusOr<VolumeParameters> ControllerService::Resolve(const ParameterMap& map) {
  ASSIGN_OR_RETURN(VolumeParameters parameters, ParseParameters(map));
  ASSIGN_OR_RETURN(const ClusterConfig config, parts_.stores.clusters().Find(parameters.cluster));
  parameters.cluster = config.id;
  if (parameters.rados_namespace.empty()) {
    parameters.rados_namespace = config.rados_namespace;
  }
  return parameters;
}

absl::StatusOr<ControllerService::Target> ControllerService::TargetOf(
    const csi::v1::CreateVolumeRequest& request) {
  ASSIGN_OR_RETURN(VolumeParameters parameters, Resolve(ToMap(request.parameters())));
  ASSIGN_OR_RETURN(const MutableParameters mutables,
                   ParseMutableParameters(ToMap(request.mutable_parameters())));
  parameters.image.features = mutables.features.value_or(parameters.image.features);
  Target target;
  target.id = {.cluster = parameters.cluster,
               .pool = parameters.pool,
               .rados_namespace = parameters.rados_namespace,
               .image = ImageNameFor(request.name())};
  if (const std::string text = target.id.ToString(); !VolumeId::Parse(text).has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the volume id would be ", text, ", which is longer than ", kMaxIdBytes,
                     " bytes (shorten clusterID, pool or radosNamespace)"));
  }
  target.spec.image = target.id.image;
  target.spec.spec = parameters.image;
  target.spec.record = {.name = request.name(),
                        .features = parameters.image.features,
                        .order = parameters.image.order,
                        .stripe_unit = parameters.image.stripe_unit,
                        .stripe_count = parameters.image.stripe_count,
                        .data_pool = parameters.image.data_pool,
                        .map_options = parameters.map_options,
                        .unmap_options = parameters.unmap_options,
                        .mkfs_options = parameters.mkfs_options,
                        .pvc = parameters.pvc,
                        .pv = parameters.pv};
  parameters.tunables.ApplyTo(target.spec.record.tunables);
  mutables.ApplyTo(target.spec.record.tunables);
  return target;
}

absl::StatusOr<std::unique_ptr<ImageStore>> ControllerService::OpenVolume(const VolumeId& id,
                                                                          const Secrets* secrets) {
  // Not "no such volume": a cluster that is missing from the file by mistake still has its volumes.
  if (const auto config = parts_.stores.clusters().Find(id.cluster); !config.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("volume ", id.ToString(), ": ", config.status().message()));
  }
  return parts_.stores.Open({id.cluster, id.pool, id.rados_namespace}, secrets);
}

std::string ControllerService::LockKey(const csi::v1::CreateVolumeRequest& request) {
  const auto target =
      request.name().empty() ? absl::StatusOr<Target>(Missing("name")) : TargetOf(request);
  return target.ok() ? target->id.ToString() : std::string();
}

absl::StatusOr<csi::v1::CreateVolumeResponse> ControllerService::CreateVolume(
    const Call&, const csi::v1::CreateVolumeRequest& request) {
  if (request.name().empty()) {
    return Missing("name");
  }
  RETURN_IF_ERROR(ParseCapabilities(request.volume_capabilities()).status());
  ASSIGN_OR_RETURN(const SourceName source, ParseSource(request));
  ASSIGN_OR_RETURN(Target target, TargetOf(request));
  if (request.has_capacity_range()) {
    ASSIGN_OR_RETURN(target.spec.range, ParseCapacityRange(request.capacity_range()));
  }
  ASSIGN_OR_RETURN(target.spec.spec.size_bytes, ChooseSize(target.spec.range));
  if (request.has_volume_content_source()) {
    target.spec.source = FindSource(parts_.stores, source, target.id, &request.secrets());
    RETURN_IF_ERROR(DescribeSource(source, target.spec));
  }
  const auto pool = parts_.stores.OpenBoth(PlaceOf(target.id), &request.secrets());
  if (absl::IsNotFound(pool.status())) {
    // A missing pool is a mistake in the class; NOT_FOUND would speak of the content source.
    return absl::InvalidArgumentError(pool.status().message());
  }
  RETURN_IF_ERROR(pool.status());
  ASSIGN_OR_RETURN(const uint64_t size, parts_.provisioner.Create(pool->stores(), target.spec));
  csi::v1::CreateVolumeResponse response;
  if (request.has_volume_content_source()) {
    *response.mutable_volume()->mutable_content_source() = request.volume_content_source();
  }
  response.mutable_volume()->set_volume_id(target.id.ToString());
  response.mutable_volume()->set_capacity_bytes(static_cast<int64_t>(size));
  return response;
}

absl::StatusOr<csi::v1::DeleteVolumeResponse> ControllerService::DeleteVolume(
    const Call&, const csi::v1::DeleteVolumeRequest& request) {
  if (request.volume_id().empty()) {
    return Missing("volume_id");
  }
  const auto id = VolumeId::Parse(request.volume_id());
  if (!id.has_value()) {
    return csi::v1::DeleteVolumeResponse();
  }
  const auto store = OpenVolume(*id, &request.secrets());
  if (absl::IsNotFound(store.status())) {
    return csi::v1::DeleteVolumeResponse();  // it went with its pool
  }
  RETURN_IF_ERROR(store.status());
  RETURN_IF_ERROR(parts_.provisioner.Delete(**store, id->image));
  parts_.reaper.Wake();
  return csi::v1::DeleteVolumeResponse();
}

absl::StatusOr<csi::v1::ControllerPublishVolumeResponse> ControllerService::Publish(
    const Call&, const csi::v1::ControllerPublishVolumeRequest& request) {
  if (request.volume_id().empty()) {
    return Missing("volume_id");
  }
  if (request.node_id().empty()) {
    return Missing("node_id");
  }
  if (!request.has_volume_capability()) {
    return Missing("volume_capability");
  }
  ASSIGN_OR_RETURN(const Capability capability, ParseCapability(request.volume_capability()));
  const auto id = VolumeId::Parse(request.volume_id());
  if (!id.has_value()) {
    return NoVolume(request.volume_id());
  }
  const auto node = NodeId::Parse(request.node_id());
  if (!node.has_value()) {
    return absl::NotFoundError(absl::StrCat("node ", request.node_id(), ": not a node of ours"));
  }
  return PublishParsed(request, *id,
                       {.image = id->image,
                        .node = *node,
                        .capability = capability,
                        .read_only = request.readonly()});
}

absl::StatusOr<csi::v1::ControllerPublishVolumeResponse> ControllerService::PublishParsed(
    const csi::v1::ControllerPublishVolumeRequest& request, const VolumeId& id,
    const Attachment& wanted) {
  ASSIGN_OR_RETURN(VolumeParameters options, ParseStaticOptions(ToMap(request.volume_context())));
  ASSIGN_OR_RETURN(const auto store, OpenVolume(id, &request.secrets()));
  ASSIGN_OR_RETURN(const Sight sight, parts_.attacher.Publish(*store, wanted));
  ASSIGN_OR_RETURN(const ClusterConfig config, parts_.stores.clusters().Find(id.cluster));
  PublishContext context = {.monitors = config.KernelMonitors(),
                            .pool = id.pool,
                            .rados_namespace = id.rados_namespace,
                            .image = id.image,
                            .user = "",
                            .size_bytes = sight.size_bytes,
                            .map_options = options.map_options,
                            .unmap_options = options.unmap_options,
                            .mkfs_options = options.mkfs_options,
                            .read_only = wanted.read_only || IsReadOnly(wanted.capability.mode),
                            .replay_journal = MayReplayJournal(*store, sight, wanted),
                            .limits = {}};
  if (const auto record = VolumeRecord::FromJson(sight.record)) {
    context.limits = record->tunables.Limits();
    if (!record->name.empty()) {  // else a static volume, whose options are its attributes
      context.map_options = record->map_options;
      context.unmap_options = record->unmap_options;
      context.mkfs_options = record->mkfs_options;
    }
  }
  csi::v1::ControllerPublishVolumeResponse response;
  for (const auto& [key, value] : context.ToMap()) {
    (*response.mutable_publish_context())[key] = value;
  }
  return response;
}

absl::StatusOr<csi::v1::ControllerUnpublishVolumeResponse> ControllerService::Unpublish(
    const Call&, const csi::v1::ControllerUnpublishVolumeRequest& request) {
  if (request.volume_id().empty()) {
    return Missing("volume_id");
  }
  const auto id = VolumeId::Parse(request.volume_id());
  if (!id.has_value()) {
    return csi::v1::ControllerUnpublishVolumeResponse();
  }
  const auto store = OpenVolume(*id, &request.secrets());
  if (absl::IsNotFound(store.status())) {
    return csi::v1::ControllerUnpublishVolumeResponse();  // it went with its pool
  }
  RETURN_IF_ERROR(store.status());
  RETURN_IF_ERROR(parts_.attacher.Unpublish(**store, id->image, request.node_id()));
  return csi::v1::ControllerUnpublishVolumeResponse();
}

absl::StatusOr<csi::v1::ValidateVolumeCapabilitiesResponse> ControllerService::Validate(
    const Call&, const csi::v1::ValidateVolumeCapabilitiesRequest& request) {
  if (request.volume_id().empty()) {
    return Missing("volume_id");
  }
  if (request.volume_capabilities().empty()) {
    return Missing("volume_capabilities");
  }
  const auto id = VolumeId::Parse(request.volume_id());
  if (!id.has_value()) {
    return NoVolume(request.volume_id());
  }
  ASSIGN_OR_RETURN(const auto store, OpenVolume(*id, &request.secrets()));
  ASSIGN_OR_RETURN(const Sight sight, store->Look(id->image));
  if (!IsVolume(sight, id->image)) {
    return NoVolume(request.volume_id());
  }
  csi::v1::ValidateVolumeCapabilitiesResponse response;
  const auto capabilities = ParseCapabilities(request.volume_capabilities());
  if (!capabilities.ok()) {
    response.set_message(std::string(capabilities.status().message()));
    return response;
  }
  const auto mutables = ParseMutableParameters(ToMap(request.mutable_parameters()));
  if (!mutables.ok()) {
    response.set_message(std::string(mutables.status().message()));
    return response;
  }
  auto* confirmed = response.mutable_confirmed();
  *confirmed->mutable_volume_capabilities() = request.volume_capabilities();
  *confirmed->mutable_volume_context() = request.volume_context();
  *confirmed->mutable_parameters() = request.parameters();
  *confirmed->mutable_mutable_parameters() = request.mutable_parameters();
  return response;
}

absl::StatusOr<csi::v1::ControllerExpandVolumeResponse> ControllerService::Expand(
    const Call&, const csi::v1::ControllerExpandVolumeRequest& request) {
  if (request.volume_id().empty()) {
    return Missing("volume_id");
  }
  if (!request.has_capacity_range()) {
    return Missing("capacity_range");
  }
  ASSIGN_OR_RETURN(const SizeRange range, ParseCapacityRange(request.capacity_range()));
  if (request.has_volume_capability()) {
    RETURN_IF_ERROR(ParseCapability(request.volume_capability()).status());
  }
  const auto id = VolumeId::Parse(request.volume_id());
  if (!id.has_value()) {
    return NoVolume(request.volume_id());
  }
  ASSIGN_OR_RETURN(const auto store, OpenVolume(*id, &request.secrets()));
  ASSIGN_OR_RETURN(const uint64_t size, parts_.provisioner.Expand(*store, id->image, range));
  csi::v1::ControllerExpandVolumeResponse response;
  response.set_capacity_bytes(static_cast<int64_t>(size));
  // Block volumes too: the node waits until the kernel shows the new size.
  response.set_node_expansion_required(true);
  return response;
}

absl::StatusOr<csi::v1::ControllerModifyVolumeResponse> ControllerService::Modify(
    const Call&, const csi::v1::ControllerModifyVolumeRequest& request) {
  if (request.volume_id().empty()) {
    return Missing("volume_id");
  }
  const auto id = VolumeId::Parse(request.volume_id());
  if (!id.has_value()) {
    return NoVolume(request.volume_id());
  }
  ASSIGN_OR_RETURN(const auto store, OpenVolume(*id, &request.secrets()));
  RETURN_IF_ERROR(ModifyVolume(*store, id->image, ToMap(request.mutable_parameters())));
  return csi::v1::ControllerModifyVolumeResponse();
}

Condition ControllerService::Judge(const VolumeId& id, const absl::StatusOr<Sight>& look,
                                   uint64_t own_client) {
  PoolSpace space = spaces_.Of(id.cluster, id.pool);
  const auto record =
      look.ok() ? VolumeRecord::FromJson(look->record) : std::optional<VolumeRecord>();
  if (record.has_value() && !record->data_pool.empty()) {
    space = std::max(space, spaces_.Of(id.cluster, record->data_pool));
  }
  return ConditionOf(look, {.own_client = own_client, .space = space});
}

absl::StatusOr<csi::v1::ListVolumesResponse> ControllerService::ListVolumes(
    const Call&, const csi::v1::ListVolumesRequest& request) {
  if (request.max_entries() < 0) {
    return absl::InvalidArgumentError("max_entries: may not be negative");
  }
  Position after;
  if (!request.starting_token().empty()) {
    const auto parsed = Position::Parse(request.starting_token());
    if (!parsed.has_value()) {
      return absl::AbortedError("starting_token: not one of ours (begin again without it)");
    }
    after = *parsed;
  }
  ASSIGN_OR_RETURN(const CatalogPage page,
                   ListPage(parts_.stores, after, static_cast<size_t>(request.max_entries())));
  csi::v1::ListVolumesResponse response;
  for (const CatalogEntry& entry : page.entries) {
    auto* out = response.add_entries();
    const VolumeId id = IdIn(entry.position.place, entry.position.image);
    const Sight sight = entry.sight.value_or(Sight());
    FillVolume(id, sight, out->mutable_volume());
    FillStatus(sight, Judge(id, entry.sight, entry.own_client), out->mutable_status());
  }
  if (page.more) {
    response.set_next_token(page.entries.back().position.ToString());
  }
  return response;
}

absl::StatusOr<uint64_t> ControllerService::PoolCapacity(const VolumeParameters& parameters) {
  ASSIGN_OR_RETURN(const ClusterConfig config, parts_.stores.clusters().Find(parameters.cluster));
  ASSIGN_OR_RETURN(const auto cluster, parts_.stores.Connect(config, nullptr));
  // Data goes to the data pool; the headers in `pool` weigh nothing.
  return QueryAvailableBytes(
      *cluster, parameters.image.data_pool.empty() ? parameters.pool : parameters.image.data_pool);
}

absl::StatusOr<uint64_t> ControllerService::DefaultCapacity() {
  ASSIGN_OR_RETURN(const auto clusters, parts_.stores.clusters().Read());
  const ClusterConfig& config = clusters->front();
  ASSIGN_OR_RETURN(const auto cluster, parts_.stores.Connect(config, nullptr));
  std::vector<std::string> pools = config.pools;
  if (pools.empty()) {
    ASSIGN_OR_RETURN(pools, cluster->RbdPools());
  }
  // Pools share devices, so their free spaces must not be added up: the largest one counts.
  uint64_t largest = 0;
  for (const std::string& pool : pools) {
    ASSIGN_OR_RETURN(const uint64_t available, QueryAvailableBytes(*cluster, pool));
    largest = std::max(largest, available);
  }
  return largest;
}

absl::StatusOr<csi::v1::GetCapacityResponse> ControllerService::GetCapacity(
    const Call&, const csi::v1::GetCapacityRequest& request) {
  csi::v1::GetCapacityResponse response;
  response.mutable_minimum_volume_size()->set_value(static_cast<int64_t>(kMiB));
  if (!request.volume_capabilities().empty() &&
      !ParseCapabilities(request.volume_capabilities()).ok()) {
    return response;  // of volumes that cannot be made none fits
  }
  uint64_t available = 0;
  if (request.parameters().contains("pool")) {
    ASSIGN_OR_RETURN(const VolumeParameters parameters, Resolve(ToMap(request.parameters())));
    ASSIGN_OR_RETURN(available, PoolCapacity(parameters));
  } else {
    ASSIGN_OR_RETURN(available, DefaultCapacity());
  }
  response.set_available_capacity(static_cast<int64_t>(available));
  return response;
}

absl::StatusOr<csi::v1::ControllerGetVolumeResponse> ControllerService::GetVolume(
    const Call&, const csi::v1::ControllerGetVolumeRequest& request) {
  if (request.volume_id().empty()) {
    return Missing("volume_id");
  }
  const auto id = VolumeId::Parse(request.volume_id());
  if (!id.has_value()) {
    return NoVolume(request.volume_id());
  }
  ASSIGN_OR_RETURN(const auto store, OpenVolume(*id, nullptr));
  const absl::StatusOr<Sight> look = store->Look(id->image);
  if (!look.ok() &&
      (absl::IsPermissionDenied(look.status()) || store->IdOf(id->image).value_or("").empty())) {
    return look.status();  // this user's or the cluster's trouble, not the volume's
  }
  const Sight sight = look.value_or(Sight());
  if (look.ok() && sight.state != Sight::State::kHeaderless && !IsVolume(sight, id->image)) {
    return NoVolume(request.volume_id());
  }
  csi::v1::ControllerGetVolumeResponse response;
  FillVolume(*id, sight, response.mutable_volume());
  FillStatus(sight, Judge(*id, look, store->OwnClient()), response.mutable_status());
  return response;
}

absl::StatusOr<csi::v1::ControllerGetCapabilitiesResponse> ControllerService::GetCapabilities(
    const Call&, const csi::v1::ControllerGetCapabilitiesRequest&) {
  using Rpc = csi::v1::ControllerServiceCapability::RPC;
  csi::v1::ControllerGetCapabilitiesResponse response;
  for (const auto type :
       {Rpc::CREATE_DELETE_VOLUME, Rpc::PUBLISH_UNPUBLISH_VOLUME, Rpc::LIST_VOLUMES,
        Rpc::LIST_VOLUMES_PUBLISHED_NODES, Rpc::GET_CAPACITY, Rpc::PUBLISH_READONLY,
        Rpc::EXPAND_VOLUME, Rpc::CREATE_DELETE_SNAPSHOT, Rpc::LIST_SNAPSHOTS, Rpc::GET_SNAPSHOT,
        Rpc::CLONE_VOLUME, Rpc::GET_VOLUME, Rpc::SINGLE_NODE_MULTI_WRITER, Rpc::MODIFY_VOLUME,
        Rpc::VOLUME_CONDITION}) {
    response.add_capabilities()->mutable_rpc()->set_type(type);
  }
  return response;
}

}  // namespace rbdcsi
