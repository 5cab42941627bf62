// How libFuzzer changes a request: one field at a time, by reflection. Left to itself it would
// break the lengths of the wire form with nearly every byte that it changes.
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "csi/utf8.h"
#include "tests/fuzz/request_input.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace rbdcsi::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kMostText = 300;

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  void ChangeMessage(Message& message);

 private:
  int Below(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }
  std::string ChangedText(const std::string& text);
  int64_t ChangedNumber(int64_t number);
  void ChangeField(Message& message, const FieldDescriptor& field);
  void ChangeRepeated(Message& message, const FieldDescriptor& field);

  std::mt19937 random_;
};

std::string Mutator::ChangedText(const std::string& text) {
  std::string bytes = text.substr(0, kMostText);
  const size_t size = bytes.size();
  bytes.resize(kMostText);
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(bytes.data()), size, kMostText));
  return ValidUtf8(bytes);  // else it would be no message
}

int64_t Mutator::ChangedNumber(int64_t number) {
  switch (Below(5)) {
    case 0:
      return 0;
    case 1:
      return std::numeric_limits<int64_t>::max() - Below(2);
    case 2:
      return -1 - Below(2);
    case 3:
      return int64_t{1} << Below(63);
    default: {
      std::array<uint8_t, sizeof(number)> bytes;
      std::memcpy(bytes.data(), &number, sizeof(number));
      LLVMFuzzerMutate(bytes.data(), bytes.size(), bytes.size());
      std::memcpy(&number, bytes.data(), sizeof(number));
      return number;
    }
  }
}

// A field without a value gets one; one in eight loses it.
void Mutator::ChangeField(Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  if (Below(8) == 0) {
    reflection.ClearField(&message, &field);
    return;
  }
  if (field.is_repeated()) {
    ChangeRepeated(message, field);
    return;
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      reflection.SetString(&message, &field, ChangedText(reflection.GetString(message, &field)));
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      ChangeMessage(*reflection.MutableMessage(&message, &field));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      reflection.SetInt64(&message, &field, ChangedNumber(reflection.GetInt64(message, &field)));
      break;
    case FieldDescriptor::CPPTYPE_INT32:
      reflection.SetInt32(
          &message, &field,
          static_cast<int32_t>(ChangedNumber(reflection.GetInt32(message, &field))));
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      reflection.SetBool(&message, &field, Below(2) == 0);
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      reflection.SetEnumValue(&message, &field, Below(field.enum_type()->value_count() + 2));
      break;
    default:
      break;  // a type that CSI does not use
  }
}

// One more, one less, or another one; a map is a list of messages here.
void Mutator::ChangeRepeated(Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  const bool of_text = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
  int size = reflection.FieldSize(message, &field);
  if (size == 0 || Below(3) == 0) {
    if (of_text) {
      reflection.AddString(&message, &field, "");
    } else {
      ChangeMessage(*reflection.AddMessage(&message, &field));
    }
    ++size;
  } else if (Below(4) == 0) {
    reflection.SwapElements(&message, &field, Below(size), size - 1);
    reflection.RemoveLast(&message, &field);
    return;
  }
  const int index = Below(size);
  if (of_text) {
    const std::string text = reflection.GetRepeatedString(message, &field, index);
    reflection.SetRepeatedString(&message, &field, index, ChangedText(text));
  } else {
    ChangeMessage(*reflection.MutableRepeatedMessage(&message, &field, index));
  }
}

void Mutator::ChangeMessage(Message& message) {
  const auto& type = *message.GetDescriptor();
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);  // what is there counts twice
  for (int i = 0; i < type.field_count(); ++i) {
    fields.push_back(type.field(i));
  }
  if (!fields.empty()) {
    ChangeField(message, *fields[static_cast<size_t>(Below(static_cast<int>(fields.size())))]);
  }
}

}  // namespace
}  // namespace rbdcsi::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  const auto request = rbdcsi::fuzz::ReadRequest({reinterpret_cast<const char*>(data), size});
  if (request == nullptr || seed % 32 == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  rbdcsi::fuzz::Mutator mutator(seed);
  mutator.ChangeMessage(*request);
  const std::string input = rbdcsi::fuzz::WriteRequest(*request);
  if (input.size() > max_size) {
    return size;
  }
  std::copy(input.begin(), input.end(), data);
  return input.size();
}
