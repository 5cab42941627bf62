// Whole requests to the controller, of a cluster that refuses at once: everything before Ceph.
#include "absl/strings/str_cat.h"
#include "controller/controller_grpc.h"
#include "controller/group_grpc.h"
#include "controller/metadata_grpc.h"
#include "csi/identity_service.h"
#include "tests/fuzz/canary.h"
#include "tests/fuzz/daemon.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/request_input.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

// librados refuses the canary for a key before it looks for a monitor: no packet is sent.
constexpr char kClusters[] =
    R"([{"clusterID": "prod", "monitors": ["127.0.0.1:1"], "rbd": {"radosNamespace": "k8s"}}])";

// As main() puts it together, without background work, keys and a socket.
class Controller {
 public:
  Controller() {
    AddVolumes();
    AddSnapshots();
    daemon_.Add(groups_grpc_, &GroupGrpc::CreateVolumeGroupSnapshot);
    daemon_.Add(groups_grpc_, &GroupGrpc::DeleteVolumeGroupSnapshot);
    daemon_.Add(groups_grpc_, &GroupGrpc::GetVolumeGroupSnapshot);
    daemon_.Add(groups_grpc_, &GroupGrpc::GroupControllerGetCapabilities);
    daemon_.Add(metadata_grpc_, &MetadataGrpc::GetMetadataAllocated);
    daemon_.Add(metadata_grpc_, &MetadataGrpc::GetMetadataDelta);
    daemon_.Add(identity_grpc_, &IdentityGrpc::GetPluginInfo);
    daemon_.Add(identity_grpc_, &IdentityGrpc::GetPluginCapabilities);
    daemon_.Add(identity_grpc_, &IdentityGrpc::Probe);
  }
  void Serve(google::protobuf::Message& request) { daemon_.Serve(request); }

 private:
  void AddVolumes() {
    daemon_.Add(controller_grpc_, &ControllerGrpc::CreateVolume);
    daemon_.Add(controller_grpc_, &ControllerGrpc::DeleteVolume);
    daemon_.Add(controller_grpc_, &ControllerGrpc::ControllerPublishVolume);
    daemon_.Add(controller_grpc_, &ControllerGrpc::ControllerUnpublishVolume);
    daemon_.Add(controller_grpc_, &ControllerGrpc::ControllerExpandVolume);
    daemon_.Add(controller_grpc_, &ControllerGrpc::ControllerModifyVolume);
    daemon_.Add(controller_grpc_, &ControllerGrpc::ValidateVolumeCapabilities);
    daemon_.Add(controller_grpc_, &ControllerGrpc::ListVolumes);
    daemon_.Add(controller_grpc_, &ControllerGrpc::GetCapacity);
    daemon_.Add(controller_grpc_, &ControllerGrpc::ControllerGetVolume);
    daemon_.Add(controller_grpc_, &ControllerGrpc::ControllerGetCapabilities);
  }
  void AddSnapshots() {
    daemon_.Add(controller_grpc_, &ControllerGrpc::CreateSnapshot);
    daemon_.Add(controller_grpc_, &ControllerGrpc::DeleteSnapshot);
    daemon_.Add(controller_grpc_, &ControllerGrpc::ListSnapshots);
    daemon_.Add(controller_grpc_, &ControllerGrpc::GetSnapshot);
  }

  Scratch scratch_;
  ClustersFile clusters_{scratch_.File("config.json", kClusters)};
  Stores stores_{clusters_, ""};
  Provisioner provisioner_{absl::Seconds(20)};
  Attacher attacher_{absl::Hours(1)};
  Metrics metrics_;
  Reaper reaper_{stores_, metrics_, absl::ZeroDuration()};
  ControllerService controller_{{stores_, provisioner_, attacher_, reaper_}};
  SnapshotService snapshots_{stores_, reaper_};
  GroupService groups_{stores_, reaper_};
  MetadataService metadata_{stores_};
  IdentityService identity_{"rbd.csi.fuzz"};
  Border border_{Border::Options{}};
  ControllerGrpc controller_grpc_{border_, controller_, snapshots_};
  GroupGrpc groups_grpc_{border_, groups_};
  MetadataGrpc metadata_grpc_{border_, metadata_};
  IdentityGrpc identity_grpc_{border_, identity_};
  Daemon daemon_;
};

}  // namespace

void Fuzz(std::string_view input) {
  static Controller controller;
  const auto request = ReadRequest(input);
  if (request != nullptr && !Contains(input, kCanary)) {
    controller.Serve(*request);
  }
}

}  // namespace rbdcsi::fuzz
