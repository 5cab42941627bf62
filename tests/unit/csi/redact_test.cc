#include "csi/redact.h"

#include <google/protobuf/descriptor.h>

#include <memory>

#include "csi.pb.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::Reflection;

constexpr char kCanary[] = "CANARY";
constexpr char kShown[] = "shown";

bool MustHide(const FieldDescriptor& field) {
  return field.options().GetExtension(csi::v1::csi_secret) || field.name() == "mount_flags" ||
         field.name() == "volume_context";
}

// How many fields of each kind a filled message has.
struct Filled {
  int secret_fields = 0;
  int hidden_fields = 0;
  int shown_fields = 0;
};

void AddMapEntry(Message& message, const FieldDescriptor& field, const std::string& value) {
  Message* entry = message.GetReflection()->AddMessage(&message, &field);
  const Reflection& reflection = *entry->GetReflection();
  reflection.SetString(entry, field.message_type()->map_key(), "key");
  reflection.SetString(entry, field.message_type()->map_value(), value);
}

// Puts text into every string and map of `message` and below, the canary where it must not be seen.
void Fill(Message& message, Filled& filled) {
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    const std::string value = MustHide(field) ? kCanary : kShown;
    const bool text = field.is_map() || field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    filled.secret_fields += field.options().GetExtension(csi::v1::csi_secret) ? 1 : 0;
    filled.hidden_fields += MustHide(field) ? 1 : 0;
    filled.shown_fields += text && !MustHide(field) ? 1 : 0;
    if (field.is_map()) {
      AddMapEntry(message, field, value);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      field.is_repeated() ? reflection.AddString(&message, &field, value)
                          : reflection.SetString(&message, &field, value);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Fill(field.is_repeated() ? *reflection.AddMessage(&message, &field)
                               : *reflection.MutableMessage(&message, &field),
           filled);
    }
  }
}

}  // namespace

TEST_CASE("no message of the interface shows what must be hidden") {
  const auto& file = *csi::v1::ProbeRequest::descriptor()->file();
  int secret_fields = 0;
  for (int i = 0; i < file.message_type_count(); ++i) {
    const Descriptor* type = file.message_type(i);
    const std::unique_ptr<Message> message(
        MessageFactory::generated_factory()->GetPrototype(type)->New());
    Filled filled;
    Fill(*message, filled);
    const std::string text = Redacted(*message, 1 << 20);
    INFO(type->full_name() << ": " << text);
    CHECK(text.find(kCanary) == std::string::npos);
    CHECK((text.find("***") != std::string::npos) == (filled.hidden_fields > 0));
    CHECK((filled.shown_fields == 0 || text.find(kShown) != std::string::npos));
    secret_fields += filled.secret_fields;
  }
  CHECK(secret_fields == 19);
}

TEST_CASE("a redacted request is one readable line") {
  csi::v1::CreateVolumeRequest request;
  request.set_name("pvc\n1");
  request.mutable_capacity_range()->set_required_bytes(5);
  auto* capability = request.add_volume_capabilities();
  capability->mutable_mount()->add_mount_flags("context=secret");
  capability->mutable_access_mode()->set_mode(
      csi::v1::VolumeCapability::AccessMode::SINGLE_NODE_WRITER);
  (*request.mutable_parameters())["pool"] = "rbd";
  (*request.mutable_parameters())["clusterID"] = "main";
  (*request.mutable_secrets())["userKey"] = "secret";
  CHECK(Redacted(request) ==
        "{name: \"pvc\\n1\", capacity_range: {required_bytes: 5}, volume_capabilities: "
        "[{mount: {mount_flags: ***}, access_mode: {mode: SINGLE_NODE_WRITER}}], parameters: "
        "{\"clusterID\": \"main\", \"pool\": \"rbd\"}, secrets: ***}");
}

TEST_CASE("the keys of a volume context stay and its values go") {
  csi::v1::NodeStageVolumeRequest request;
  (*request.mutable_volume_context())["token"] = "secret";
  CHECK(Redacted(request) == "{volume_context: {\"token\": ***}}");
}

TEST_CASE("a long request is cut between characters") {
  csi::v1::DeleteVolumeRequest request;
  for (int i = 0; i < 1000; ++i) {
    request.mutable_volume_id()->append("\xC3\xBC");
  }
  for (size_t max = 0; max < 40; ++max) {
    const std::string text = Redacted(request, max);
    CHECK(text.size() <= max);
    CHECK(text.size() + 1 >= max);
    CHECK((text.size() < 3 || text.substr(text.size() - 3) == "..."));
  }
}

TEST_CASE("enum values from a newer interface show their number") {
  csi::v1::VolumeCapability capability;
  capability.mutable_access_mode()->set_mode(
      static_cast<csi::v1::VolumeCapability::AccessMode::Mode>(99));
  CHECK(Redacted(capability) == "{access_mode: {mode: 99}}");
}

}  // namespace rbdcsi
