// A daemon without its socket: the RPC tables and services that it serves, asked directly, and what
// holds for each of its answers and log lines.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>
#include <sstream>
#include <string>

namespace rbdcsi::fuzz {

class Daemon {
 public:
  Daemon();

  // `rpc` of the table: a method of a *_grpc.h.
  template <class Grpc, class Request, class Response>
  void Add(Grpc& grpc, grpc::Status (Grpc::*rpc)(grpc::ServerContext*, const Request*, Response*)) {
    rpcs_[Request::descriptor()] = [&grpc, rpc](const google::protobuf::Message& request,
                                                std::string* answer) {
      Response response;
      grpc::Status status = (grpc.*rpc)(nullptr, static_cast<const Request*>(&request), &response);
      *answer = response.SerializeAsString();
      return status;
    };
  }
  // A stream; nothing that is reached without Ceph writes to it.
  template <class Grpc, class Request, class Response>
  void Add(Grpc& grpc, grpc::Status (Grpc::*rpc)(grpc::ServerContext*, const Request*,
                                                 grpc::ServerWriter<Response>*)) {
    rpcs_[Request::descriptor()] = [&grpc, rpc](const google::protobuf::Message& request,
                                                std::string*) {
      return (grpc.*rpc)(nullptr, static_cast<const Request*>(&request), nullptr);
    };
  }

  // Asks it, with the canary in place of all secrets, and looks at what it says. A request of
  // another daemon is left out.
  void Serve(google::protobuf::Message& request);

 private:
  using Rpc = std::function<grpc::Status(const google::protobuf::Message&, std::string*)>;
  std::map<const google::protobuf::Descriptor*, Rpc> rpcs_;
  std::ostringstream log_;
};

}  // namespace rbdcsi::fuzz
