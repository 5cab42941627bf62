#include <google/protobuf/descriptor.pb.h>

#include <functional>

#include "absl/strings/str_split.h"
#include "csi.pb.h"
#include "tests/catch.h"
#include "tests/unit/csi/descriptor_text.h"
#include "tests/unit/csi/process.h"

namespace rbdcsi {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;

const FileDescriptor& Compiled() { return *csi::v1::ProbeRequest::descriptor()->file(); }

// The text of the compiled interface after `change`.
std::string TextWith(const std::function<void(FileDescriptorProto&)>& change) {
  DescriptorPool pool;
  FileDescriptorProto proto;
  for (int i = 0; i < Compiled().dependency_count(); ++i) {
    proto.Clear();
    Compiled().dependency(i)->CopyTo(&proto);
    REQUIRE(pool.BuildFile(proto) != nullptr);
  }
  proto.Clear();
  Compiled().CopyTo(&proto);
  change(proto);
  const FileDescriptor* file = pool.BuildFile(proto);
  REQUIRE(file != nullptr);
  return DescriptorText(*file);
}

google::protobuf::DescriptorProto& MessageNamed(FileDescriptorProto& file,
                                                const std::string& name) {
  for (auto& message : *file.mutable_message_type()) {
    if (message.name() == name) {
      return message;
    }
  }
  FAIL("no message " << name);
  throw std::logic_error("unreachable");
}

}  // namespace

TEST_CASE("the compiled interface is CSI 1.12, fact by fact") {
  const std::vector<std::string> golden = absl::StrSplit(ReadFile(CSI_GOLDEN), '\n');
  const std::vector<std::string> actual = absl::StrSplit(DescriptorText(Compiled()), '\n');
  for (size_t i = 0; i < std::min(golden.size(), actual.size()); ++i) {
    INFO("line " << i + 1 << " of the golden file");
    REQUIRE(actual[i] == golden[i]);
  }
  CHECK(actual.size() == golden.size());
}

TEST_CASE("any difference in the interface changes its text") {
  const std::string golden = ReadFile(CSI_GOLDEN);
  REQUIRE(TextWith([](FileDescriptorProto&) {}) == golden);
  const std::vector<std::function<void(FileDescriptorProto&)>> changes = {
      [](auto& f) { MessageNamed(f, "Volume").mutable_field(0)->set_number(77); },
      [](auto& f) { MessageNamed(f, "Volume").mutable_field(0)->set_name("bytes"); },
      [](auto& f) {
        MessageNamed(f, "Volume")
            .mutable_field(0)
            ->set_type(google::protobuf::FieldDescriptorProto::TYPE_UINT64);
      },
      [](auto& f) { MessageNamed(f, "DeleteVolumeRequest").mutable_field(1)->clear_options(); },
      [](auto& f) { MessageNamed(f, "GetSnapshotRequest").clear_options(); },
      [](auto& f) { MessageNamed(f, "VolumeUsage").mutable_field()->RemoveLast(); },
      [](auto& f) { MessageNamed(f, "VolumeCapability").mutable_field(1)->clear_oneof_index(); },
      [](auto& f) {
        MessageNamed(f, "Volume")
            .mutable_field(0)
            ->set_label(google::protobuf::FieldDescriptorProto::LABEL_REPEATED);
      },
      [](auto& f) { f.mutable_enum_type(0)->mutable_value(2)->set_number(3); },
      [](auto& f) { f.mutable_extension(2)->set_number(1061); },
      [](auto& f) { f.mutable_service(0)->mutable_method(2)->set_server_streaming(true); },
      [](auto& f) { f.mutable_service(3)->clear_options(); },
      [](auto& f) { f.mutable_options()->set_go_package("elsewhere"); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    INFO("change " << i);
    CHECK(TextWith(changes[i]) != golden);
  }
}

}  // namespace rbdcsi
