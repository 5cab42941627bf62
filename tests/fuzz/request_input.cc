#include "tests/fuzz/request_input.h"

#include <algorithm>
#include <iterator>

#include "csi.pb.h"
#include "tests/fuzz/fuzz.h"

namespace rbdcsi::fuzz {
namespace {

using google::protobuf::Message;

// Seeds go by the number: new ones come last.
constexpr const char* kRequests[] = {
    "GetPluginInfo",
    "GetPluginCapabilities",
    "Probe",
    "CreateVolume",
    "DeleteVolume",
    "ControllerPublishVolume",
    "ControllerUnpublishVolume",
    "ValidateVolumeCapabilities",
    "ListVolumes",
    "GetCapacity",
    "ControllerGetCapabilities",
    "CreateSnapshot",
    "DeleteSnapshot",
    "ListSnapshots",
    "GetSnapshot",
    "ControllerExpandVolume",
    "ControllerGetVolume",
    "ControllerModifyVolume",
    "CreateVolumeGroupSnapshot",
    "DeleteVolumeGroupSnapshot",
    "GetVolumeGroupSnapshot",
    "GroupControllerGetCapabilities",
    "GetMetadataAllocated",
    "GetMetadataDelta",
    "NodeStageVolume",
    "NodeUnstageVolume",
    "NodePublishVolume",
    "NodeUnpublishVolume",
    "NodeGetVolumeStats",
    "NodeExpandVolume",
    "NodeGetCapabilities",
    "NodeGetInfo",
};

const Message* PrototypeOf(const std::string& name) {
  const auto* file = csi::v1::ProbeRequest::descriptor()->file();
  const auto* type = file->FindMessageTypeByName(name + "Request");
  HOLDS(type != nullptr);
  return google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
}

}  // namespace

std::unique_ptr<Message> ReadRequest(std::string_view input) {
  const size_t number = input.empty() ? std::size(kRequests) : static_cast<uint8_t>(input[0]);
  if (number >= std::size(kRequests)) {
    return nullptr;
  }
  std::unique_ptr<Message> request(PrototypeOf(kRequests[number])->New());
  const std::string_view wire = input.substr(1);
  const bool parsed = request->ParseFromArray(wire.data(), static_cast<int>(wire.size()));
  return parsed ? std::move(request) : nullptr;
}

std::string WriteRequest(const Message& request) {
  const auto* number = std::find(
      std::begin(kRequests), std::end(kRequests),
      request.GetDescriptor()->name().substr(0, request.GetDescriptor()->name().size() - 7));
  return static_cast<char>(number - std::begin(kRequests)) + request.SerializeAsString();
}

}  // namespace rbdcsi::fuzz
