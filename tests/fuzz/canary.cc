#include "tests/fuzz/canary.h"

#include <google/protobuf/descriptor.h>

#include <string>

#include "csi.pb.h"

namespace rbdcsi::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Half of them are no base64, which has an answer of its own.
std::string CanaryFor(const std::string& value) {
  return std::string(kCanary) + (value.size() % 2 == 0 ? "" : "!");
}

void PlantInMap(Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  const auto* key = field.message_type()->map_key();
  const auto* value = field.message_type()->map_value();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    Message& entry = *reflection.MutableRepeatedMessage(&message, &field, i);
    if (entry.GetReflection()->GetString(entry, key) != "userID") {
      const std::string old = entry.GetReflection()->GetString(entry, value);
      entry.GetReflection()->SetString(&entry, value, CanaryFor(old));
    }
  }
}

void PlantInList(Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const std::string old = reflection.GetRepeatedString(message, &field, i);
    reflection.SetRepeatedString(&message, &field, i, CanaryFor(old));
  }
}

void PlantInMessages(Message& message, const FieldDescriptor& field, Plant where) {
  const auto& reflection = *message.GetReflection();
  if (!field.is_repeated()) {
    PlantCanary(*reflection.MutableMessage(&message, &field), where);
    return;
  }
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    PlantCanary(*reflection.MutableRepeatedMessage(&message, &field, i), where);
  }
}

}  // namespace

void PlantCanary(Message& message, Plant where) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool hidden = where == Plant::kHidden &&
                        (field->name() == "mount_flags" || field->name() == "volume_context");
    if (!hidden && !field->options().GetExtension(csi::v1::csi_secret)) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field->is_map()) {
        PlantInMessages(message, *field, where);
      }
    } else if (field->is_map()) {
      PlantInMap(message, *field);
    } else {
      PlantInList(message, *field);
    }
  }
}

}  // namespace rbdcsi::fuzz
