#include "controller/metadata_service.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "controller/changed_blocks.h"
#include "controller/messages.h"
#include "controller/snapshotter.h"
#include "csi/snapshot_id.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

// 170 KB at most, far from gRPC's limit of 4 MiB, and soon filled.
constexpr int kMaxRanges = 10'000;

struct Named {
  Place place;
  FoundSnapshot found;
  SnapshotAddress address;
};

absl::StatusOr<Named> Find(Stores& stores, const std::string& text, const Secrets& secrets) {
  const auto id = SnapshotId::Parse(text);
  if (!id.has_value()) {
    return NoSnapshot(text);
  }
  const Place place = PlaceOf(id->volume);
  ASSIGN_OR_RETURN(const OpenedPool pool, stores.OpenBoth(place, &secrets));
  ASSIGN_OR_RETURN(FoundSnapshot found, Snapshotter().Find(pool.stores(), *id));
  SnapshotAddress address = {.pool = pool.snapshots->PoolId(),
                             .rados_namespace = place.rados_namespace,
                             .image_id = found.image_id,
                             .snapshot = found.info.id};
  return Named{.place = place, .found = std::move(found), .address = std::move(address)};
}

absl::StatusOr<std::unique_ptr<ChangedBlockStore>> OpenStore(Stores& stores, const Named& named,
                                                             const Secrets& secrets) {
  ASSIGN_OR_RETURN(const ClusterConfig config, stores.clusters().Find(named.place.cluster));
  ASSIGN_OR_RETURN(std::shared_ptr<Cluster> cluster, stores.Connect(config, &secrets));
  return MakeRbdChangedBlockStore(std::move(cluster));
}

template <class Request>
absl::Status CheckNumbers(const Request& request) {
  if (request.max_results() < 0) {
    return absl::InvalidArgumentError("max_results: may not be negative");
  }
  return request.starting_offset() < 0
             ? absl::OutOfRangeError("starting_offset: may not be negative")
             : absl::OkStatus();
}

template <class Request>
absl::Status CheckOffset(const Request& request, const FoundSnapshot& snapshot) {
  if (static_cast<uint64_t>(request.starting_offset()) <= snapshot.info.size) {
    return absl::OkStatus();
  }
  return absl::OutOfRangeError(absl::StrCat("starting_offset ", request.starting_offset(),
                                            ": the volume had ", snapshot.info.size,
                                            " bytes when the snapshot was taken"));
}

absl::Status CheckPair(const Named& base, const Named& target) {
  if (!(base.place == target.place) || base.found.image_id != target.found.image_id) {
    return absl::InvalidArgumentError(
        absl::StrCat("base_snapshot_id and target_snapshot_id: the one is of volume ",
                     IdIn(base.place, base.found.image).ToString(), ", the other of ",
                     IdIn(target.place, target.found.image).ToString()));
  }
  if (base.found.info.id >= target.found.info.id) {
    return absl::InvalidArgumentError(
        "base_snapshot_id: it must be older than the target (exchange them)");
  }
  return absl::OkStatus();
}

// All that ends after the starting offset. There is always one message, so that the client learns
// the volume's size.
template <class Request, class Response>
absl::Status SendRanges(ExtentSource& source, const Request& request, const FoundSnapshot& snapshot,
                        Outlet<Response>& out) {
  const int limit =
      request.max_results() > 0 ? std::min(request.max_results(), kMaxRanges) : kMaxRanges;
  Response message;
  message.set_block_metadata_type(csi::v1::VARIABLE_LENGTH);
  message.set_volume_capacity_bytes(static_cast<int64_t>(snapshot.info.size));
  bool sent = false;
  const auto add = [&](const Extent& range) {
    csi::v1::BlockMetadata* const block = message.add_block_metadata();
    block->set_byte_offset(static_cast<int64_t>(range.offset));
    block->set_size_bytes(static_cast<int64_t>(range.size));
    if (message.block_metadata_size() < limit) {
      return absl::OkStatus();
    }
    sent = true;
    absl::Status status = out.Send(message);
    message.clear_block_metadata();
    return status;
  };
  RETURN_IF_ERROR(ForEachRange(source, static_cast<uint64_t>(request.starting_offset()), add));
  return sent && message.block_metadata_size() == 0 ? absl::OkStatus() : out.Send(message);
}

}  // namespace

absl::Status MetadataService::GetMetadataAllocated(
    const Call& /*call*/, const csi::v1::GetMetadataAllocatedRequest& request,
    Outlet<csi::v1::GetMetadataAllocatedResponse>& out) {
  if (request.snapshot_id().empty()) {
    return Missing("snapshot_id");
  }
  RETURN_IF_ERROR(CheckNumbers(request));
  ASSIGN_OR_RETURN(const Named named, Find(stores_, request.snapshot_id(), request.secrets()));
  RETURN_IF_ERROR(CheckOffset(request, named.found));
  ASSIGN_OR_RETURN(const auto store, OpenStore(stores_, named, request.secrets()));
  const CheckWanted wanted = [&out] { return out.CheckWanted(); };
  ASSIGN_OR_RETURN(const auto source, ChangedBlocks(*store, wanted).Allocated(named.address));
  return SendRanges(*source, request, named.found, out);
}

absl::Status MetadataService::GetMetadataDelta(const Call& /*call*/,
                                               const csi::v1::GetMetadataDeltaRequest& request,
                                               Outlet<csi::v1::GetMetadataDeltaResponse>& out) {
  if (request.base_snapshot_id().empty()) {
    return Missing("base_snapshot_id");
  }
  if (request.target_snapshot_id().empty()) {
    return Missing("target_snapshot_id");
  }
  RETURN_IF_ERROR(CheckNumbers(request));
  ASSIGN_OR_RETURN(const Named base, Find(stores_, request.base_snapshot_id(), request.secrets()));
  ASSIGN_OR_RETURN(const Named target,
                   Find(stores_, request.target_snapshot_id(), request.secrets()));
  RETURN_IF_ERROR(CheckPair(base, target));
  RETURN_IF_ERROR(CheckOffset(request, target.found));
  ASSIGN_OR_RETURN(const auto store, OpenStore(stores_, target, request.secrets()));
  const CheckWanted wanted = [&out] { return out.CheckWanted(); };
  ASSIGN_OR_RETURN(const auto source,
                   ChangedBlocks(*store, wanted).Delta(target.address, base.found.info));
  return SendRanges(*source, request, target.found, out);
}

}  // namespace rbdcsi
