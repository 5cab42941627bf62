#include "tests/unit/csi/descriptor_text.h"

#include <google/protobuf/descriptor.pb.h>

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace rbdcsi {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

std::vector<const FieldDescriptor*> SetOptions(const Message& options) {
  std::vector<const FieldDescriptor*> fields;
  options.GetReflection()->ListFields(options, &fields);
  return fields;
}

class Printer {
 public:
  std::string Print(const FileDescriptor& file) {
    Header(file);
    for (int i = 0; i < file.service_count(); ++i) {
      Line("");
      Service(*file.service(i));
    }
    for (int i = 0; i < file.enum_type_count(); ++i) {
      Line("");
      Enum(*file.enum_type(i));
    }
    for (int i = 0; i < file.message_type_count(); ++i) {
      Line("");
      MessageType(*file.message_type(i));
    }
    Line("");
    Line(absl::StrCat("totals: messages=", messages_, " map_entries=", map_entries_,
                      " fields=", fields_, " oneofs=", oneofs_, " enums=", enums_,
                      " enum_values=", values_, " services=", file.service_count(), " rpcs=", rpcs_,
                      " extensions=", file.extension_count(), " secret_fields=", secret_fields_,
                      " alpha_marks=", alpha_marks_));
    return out_;
  }

 private:
  void Line(const std::string& text) { absl::StrAppend(&out_, text, "\n"); }

  // " [a, b]" for the options that are set, empty for none.
  std::string Marks(const Message& options) {
    std::vector<std::string> names;
    for (const FieldDescriptor* option : SetOptions(options)) {
      names.emplace_back(option->name());
      secret_fields_ += option->name() == "csi_secret" ? 1 : 0;
      alpha_marks_ += absl::StartsWith(names.back(), "alpha_") ? 1 : 0;
    }
    return names.empty() ? "" : absl::StrCat(" [", absl::StrJoin(names, ", "), "]");
  }

  void Header(const FileDescriptor& file) {
    google::protobuf::FileDescriptorProto proto;
    file.CopyTo(&proto);
    Line(absl::StrCat("syntax ", proto.syntax()));
    Line(absl::StrCat("package ", std::string(file.package())));
    for (int i = 0; i < file.dependency_count(); ++i) {
      Line(absl::StrCat("import ", std::string(file.dependency(i)->name())));
    }
    for (const FieldDescriptor* option : SetOptions(file.options())) {
      Line(absl::StrCat("option ", std::string(option->name()), " = ",
                        file.options().GetReflection()->GetString(file.options(), option)));
    }
    Line("");
    for (int i = 0; i < file.extension_count(); ++i) {
      const FieldDescriptor& extension = *file.extension(i);
      Line(absl::StrCat("extension ", std::string(extension.full_name()), " number ",
                        extension.number(), " extends ",
                        std::string(extension.containing_type()->full_name()), " type ",
                        Type(extension)));
    }
  }

  void Service(const ServiceDescriptor& service) {
    Line(absl::StrCat("service ", std::string(service.full_name()), Marks(service.options())));
    for (int i = 0; i < service.method_count(); ++i) {
      const MethodDescriptor& method = *service.method(i);
      ++rpcs_;
      Line(absl::StrCat("  rpc ", std::string(method.name()), ": request ",
                        std::string(method.input_type()->name()), " response ",
                        std::string(method.output_type()->name()), " ", Shape(method),
                        Marks(method.options())));
    }
  }

  static std::string Shape(const MethodDescriptor& method) {
    if (method.client_streaming()) {
      return method.server_streaming() ? "bidi-streaming" : "client-streaming";
    }
    return method.server_streaming() ? "server-streaming" : "unary";
  }

  void Enum(const EnumDescriptor& type) {
    ++enums_;
    Line(absl::StrCat("enum ", std::string(type.full_name()), Marks(type.options())));
    for (int i = 0; i < type.value_count(); ++i) {
      ++values_;
      Line(absl::StrCat("  value ", type.value(i)->number(), " ",
                        std::string(type.value(i)->name()), Marks(type.value(i)->options())));
    }
  }

  void MessageType(const Descriptor& type) {
    if (type.options().map_entry()) {
      ++map_entries_;
      return;
    }
    ++messages_;
    oneofs_ += type.real_oneof_decl_count();
    Line(absl::StrCat("message ", std::string(type.full_name()), Marks(type.options())));
    if (type.field_count() == 0) {
      Line("  (no fields)");
    }
    for (int i = 0; i < type.field_count(); ++i) {
      Field(*type.field(i));
    }
    for (int i = 0; i < type.enum_type_count(); ++i) {
      Enum(*type.enum_type(i));
    }
    for (int i = 0; i < type.nested_type_count(); ++i) {
      MessageType(*type.nested_type(i));
    }
  }

  void Field(const FieldDescriptor& field) {
    ++fields_;
    const auto* oneof = field.real_containing_oneof();
    const bool optional = field.containing_oneof() != nullptr && oneof == nullptr;
    const std::string label = optional                                 ? "optional "
                              : field.is_repeated() && !field.is_map() ? "repeated "
                                                                       : "";
    Line(absl::StrCat("  field ", field.number(), " ", std::string(field.name()), ": ", label,
                      Type(field), Marks(field.options()),
                      oneof != nullptr ? absl::StrCat(" oneof=", std::string(oneof->name())) : ""));
  }

  static std::string Type(const FieldDescriptor& field) {
    if (field.is_map()) {
      return absl::StrCat("map<", Type(*field.message_type()->map_key()), ", ",
                          Type(*field.message_type()->map_value()), ">");
    }
    if (field.type() == FieldDescriptor::TYPE_MESSAGE) {
      return absl::StrCat("message ", std::string(field.message_type()->full_name()));
    }
    if (field.type() == FieldDescriptor::TYPE_ENUM) {
      return absl::StrCat("enum ", std::string(field.enum_type()->full_name()));
    }
    return std::string(field.type_name());
  }

  std::string out_;
  int messages_ = 0;
  int map_entries_ = 0;
  int fields_ = 0;
  int oneofs_ = 0;
  int enums_ = 0;
  int values_ = 0;
  int rpcs_ = 0;
  int secret_fields_ = 0;
  int alpha_marks_ = 0;
};

}  // namespace

std::string DescriptorText(const google::protobuf::FileDescriptor& file) {
  return Printer().Print(file);
}

}  // namespace rbdcsi
