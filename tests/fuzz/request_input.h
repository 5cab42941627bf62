// Requests of CSI as inputs: the first byte says which one, the rest is its wire form.
//
// mutator.cc knows this form too and changes one field at a time, so that most inputs of a fuzzer
// stay requests. seeds.py writes it. One thread.
#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <string_view>

namespace rbdcsi::fuzz {

// Null: not a request.
std::unique_ptr<google::protobuf::Message> ReadRequest(std::string_view input);
std::string WriteRequest(const google::protobuf::Message& request);

}  // namespace rbdcsi::fuzz
