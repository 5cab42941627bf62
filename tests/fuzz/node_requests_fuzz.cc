// Whole requests to the node plugin, on a node without krbd: everything before the kernel maps or
// mounts.
#include <google/protobuf/descriptor.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "csi/identity_service.h"
#include "node/node_grpc.h"
#include "tests/fuzz/canary.h"
#include "tests/fuzz/daemon.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/request_input.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr char kKubelet[] = "/kubelet";

// The kubelet's directory, keys, and a sysfs without rbd. Requests may empty the first, so it is
// made anew for each.
class Host {
 public:
  Host() : path_(scratch_.path()) {
    for (const char* name : {"sys", "dev", "cgroup", "keys", "keys/prod"}) {
      scratch_.Directory(name);
    }
    scratch_.File("keys/prod/userID", "rbd-csi-node\n");
    scratch_.File("keys/prod/userKey", std::string(kCanary) + "\n");
    Fill();
  }
  void Fill() {
    for (const char* name : {"kubelet", "kubelet/pods", "kubelet/pods/p1", "kubelet/pods/p1/mount",
                             "kubelet/staging"}) {
      scratch_.Directory(name);
    }
    scratch_.File("kubelet/pods/p1/block", "");
    scratch_.File("kubelet/pods/p1/data", "somebody's");
  }
  std::string At(const std::string& name) const { return absl::StrCat(path_, name); }

 private:
  Scratch scratch_;
  std::string path_;
};

class Node {
 public:
  Node() {
    daemon_.Add(node_grpc_, &NodeGrpc::NodeStageVolume);
    daemon_.Add(node_grpc_, &NodeGrpc::NodeUnstageVolume);
    daemon_.Add(node_grpc_, &NodeGrpc::NodePublishVolume);
    daemon_.Add(node_grpc_, &NodeGrpc::NodeUnpublishVolume);
    daemon_.Add(node_grpc_, &NodeGrpc::NodeGetVolumeStats);
    daemon_.Add(node_grpc_, &NodeGrpc::NodeExpandVolume);
    daemon_.Add(node_grpc_, &NodeGrpc::NodeGetCapabilities);
    daemon_.Add(node_grpc_, &NodeGrpc::NodeGetInfo);
    daemon_.Add(identity_grpc_, &IdentityGrpc::GetPluginInfo);
  }
  void Serve(Message& request) {
    host_.Fill();
    Relocate(request);
    daemon_.Serve(request);
  }

 private:
  // Inputs cannot know where the scratch directory is: their "/kubelet" is the one in there.
  void Relocate(Message& request) const {
    std::vector<const FieldDescriptor*> fields;
    request.GetReflection()->ListFields(request, &fields);
    for (const FieldDescriptor* field : fields) {
      if (absl::EndsWith(field->name(), "_path")) {
        const std::string path = request.GetReflection()->GetString(request, field);
        if (absl::StartsWith(path, kKubelet)) {
          request.GetReflection()->SetString(&request, field, host_.At(path));
        }
      }
    }
  }

  Host host_;
  AllowedPaths paths_ = *AllowedPaths::Make({host_.At(kKubelet)});
  std::unique_ptr<DeviceMapper> mapper_ =
      MakeKrbd({.sysfs = host_.At("/sys"), .dev = host_.At("/dev")});
  NodeService service_{{.node = {.name = "node", .address = "192.0.2.11"},
                        .keys_directory = host_.At("/keys"),
                        .cgroup_root = host_.At("/cgroup")},
                       *mapper_,
                       paths_};
  IdentityService identity_{"rbd.csi.fuzz"};
  Border border_{Border::Options{}};
  NodeGrpc node_grpc_{border_, service_};
  IdentityGrpc identity_grpc_{border_, identity_};
  Daemon daemon_;
};

}  // namespace

void Fuzz(std::string_view input) {
  static Node node;
  const auto request = ReadRequest(input);
  if (request != nullptr && !Contains(input, kCanary)) {
    node.Serve(*request);
  }
}

}  // namespace rbdcsi::fuzz
