#include "csi/redact.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "csi.pb.h"
#include "csi/status.h"
#include "csi/utf8.h"

namespace rbdcsi {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr char kHidden[] = "***";

std::string Text(const Message& message);

bool IsSecret(const FieldDescriptor& field) {
  return field.options().GetExtension(csi::v1::csi_secret) || field.name() == "mount_flags";
}

std::string Quoted(const std::string& text) {
  return absl::StrCat("\"", absl::Utf8SafeCEscape(text), "\"");
}

// One value; `index` is -1 for a field that is not repeated.
std::string Value(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& reflection = *message.GetReflection();
  const auto get = [&](auto single, auto repeated) {
    return index < 0 ? (reflection.*single)(message, &field)
                     : (reflection.*repeated)(message, &field, index);
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return Quoted(get(&Reflection::GetString, &Reflection::GetRepeatedString));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64));
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32));
    case FieldDescriptor::CPPTYPE_BOOL:
      return get(&Reflection::GetBool, &Reflection::GetRepeatedBool) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM: {
      // By number: newer versions of the interface may send a value this one has no name for.
      const int number = get(&Reflection::GetEnumValue, &Reflection::GetRepeatedEnumValue);
      const auto* value = field.enum_type()->FindValueByNumber(number);
      return value != nullptr ? std::string(value->name()) : absl::StrCat(number);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return Text(index < 0 ? reflection.GetMessage(message, &field)
                            : reflection.GetRepeatedMessage(message, &field, index));
    default:
      return "?";  // a type that CSI does not use
  }
}

std::string MapText(const Message& message, const FieldDescriptor& field) {
  const bool hide_values = field.name() == "volume_context";
  const Reflection& reflection = *message.GetReflection();
  std::vector<std::string> entries;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    entries.push_back(
        absl::StrCat(Value(entry, *field.message_type()->map_key(), -1), ": ",
                     hide_values ? kHidden : Value(entry, *field.message_type()->map_value(), -1)));
  }
  std::sort(entries.begin(), entries.end());
  return absl::StrCat("{", absl::StrJoin(entries, ", "), "}");
}

std::string RepeatedText(const Message& message, const FieldDescriptor& field) {
  const int size = message.GetReflection()->FieldSize(message, &field);
  std::vector<std::string> values;
  values.reserve(static_cast<size_t>(size));
  for (int i = 0; i < size; ++i) {
    values.push_back(Value(message, field, i));
  }
  return absl::StrCat("[", absl::StrJoin(values, ", "), "]");
}

std::string FieldText(const Message& message, const FieldDescriptor& field) {
  if (IsSecret(field)) {
    return kHidden;
  }
  if (field.is_map()) {
    return MapText(message, field);
  }
  return field.is_repeated() ? RepeatedText(message, field) : Value(message, field, -1);
}

std::string Text(const Message& message) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  std::vector<std::string> texts;
  texts.reserve(fields.size());
  for (const FieldDescriptor* field : fields) {
    texts.push_back(absl::StrCat(field->name(), ": ", FieldText(message, *field)));
  }
  return absl::StrCat("{", absl::StrJoin(texts, ", "), "}");
}

}  // namespace

std::string Redacted(const Message& message, size_t max_bytes) {
  std::string text = Text(message);
  if (text.size() <= max_bytes) {
    return text;
  }
  constexpr std::string_view kCut = "...";
  const size_t room = max_bytes < kCut.size() ? 0 : max_bytes - kCut.size();
  return absl::StrCat(Sv(Utf8Prefix(text, room)), Sv(kCut.substr(0, max_bytes)));
}

}  // namespace rbdcsi
