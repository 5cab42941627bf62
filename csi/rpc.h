// The border: the one function through which every RPC passes, and the only place that makes a
// grpc::Status.
//
// For each call it makes a request id and a Call, refuses what is over the in-flight cap
// (UNAVAILABLE; Identity is exempt, because Probe must answer while everything else waits), takes
// the key's lock or answers ABORTED, runs the handler, catches foreign exceptions (UNAVAILABLE:
// what was done is unknown), converts the status and writes one log line with the redacted request,
// the code and the time.
//
// A handler whose work does not end in time goes on, with its lock and its place under the cap,
// while the caller is told so just before its deadline (DEADLINE_EXCEEDED, with the step): librbd
// waits without a time limit in places (ADR 10), and no thread can be made to give up.
//
// Handlers have one shape and can be called from a test without gRPC:
//   absl::StatusOr<Response> (Service::*)(const Call&, const Request&)
// and for a server stream, whose log line has the number of messages as well:
//   absl::Status (Service::*)(const Call&, const Request&, Outlet<Response>&)
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "csi/call.h"
#include "csi/keyed_lock.h"
#include "csi/stream.h"
#include "csi/workers.h"

namespace rbdcsi {

class Border {
 public:
  struct Options {
    int max_in_flight = 256;
    absl::Duration default_deadline = absl::Minutes(2);  // kubelet's own RPC timeout
  };
  explicit Border(Options options) : options_(options) {}

  // Reads only, or needs no order: no lock.
  template <class Request, class Response, class Service>
  grpc::Status Serve(grpc::ServerContext* context, const Request* request, Response* response,
                     Service& service,
                     absl::StatusOr<Response> (Service::*handler)(const Call&, const Request&)) {
    return ServeLocked(context, request, response, service, handler, std::string());
  }

  // One at a time per `key` in this process. An empty key (a request that names nothing) takes no
  // lock: the handler will answer INVALID_ARGUMENT.
  template <class Request, class Response, class Service>
  grpc::Status ServeLocked(grpc::ServerContext* context, const Request* request, Response* response,
                           Service& service,
                           absl::StatusOr<Response> (Service::*handler)(const Call&,
                                                                        const Request&),
                           const std::string& key) {
    // gRPC's own end with the answer.
    const auto work = std::make_shared<Work<Request, Response>>();
    work->request = *request;
    const grpc::Status status = RunInTime(
        context, {work, &work->request}, key, [work, &service, handler](const Call& call) {
          return Move((service.*handler)(call, work->request), &work->response);
        });
    if (status.ok()) {
      *response = std::move(work->response);
    }
    return status;
  }

  // A server stream; as Serve, and the handler's work ends when the client is gone. It may take as
  // long as the client reads: nothing answers in its place.
  template <class Request, class Response, class Service>
  grpc::Status ServeStream(grpc::ServerContext* context, const Request* request,
                           grpc::ServerWriter<Response>* writer, Service& service,
                           absl::Status (Service::*handler)(const Call&, const Request&,
                                                            Outlet<Response>&)) {
    Stream<Response> out(context, writer);
    return Run(
        Arrive(context), Kind::kCapped, *request, std::string(),
        [&](const Call& call) { return (service.*handler)(call, *request, out); }, &out.sent());
  }

  // As Serve, outside the in-flight cap and logged at debug level: for Identity.
  template <class Request, class Response, class Service>
  grpc::Status ServeAlways(grpc::ServerContext* context, const Request* request, Response* response,
                           Service& service,
                           absl::StatusOr<Response> (Service::*handler)(const Call&,
                                                                        const Request&)) {
    return Run(Arrive(context), Kind::kAlways, *request, std::string(), [&](const Call& call) {
      return Move((service.*handler)(call, *request), response);
    });
  }

 private:
  enum class Kind { kCapped, kAlways };
  using Handler = std::function<absl::Status(const Call&)>;

  // What is settled when a call comes in.
  struct Arrival {
    std::string id;
    absl::Time deadline;
  };

  template <class Request, class Response>
  struct Work {
    Request request;
    Response response;
  };

  template <class Response>
  static absl::Status Move(absl::StatusOr<Response> result, Response* response) {
    if (!result.ok()) {
      return result.status();
    }
    *response = *std::move(result);
    return absl::OkStatus();
  }

  template <class Message>
  class Stream final : public Outlet<Message> {
   public:
    Stream(grpc::ServerContext* context, grpc::ServerWriter<Message>* writer)
        : context_(context), writer_(writer) {}
    absl::Status Send(const Message& message) override {
      if (!writer_->Write(message)) {
        return Gone();
      }
      ++sent_;
      return absl::OkStatus();
    }
    absl::Status CheckWanted() override {
      return context_->IsCancelled() ? Gone() : absl::OkStatus();
    }
    const uint64_t& sent() const { return sent_; }

   private:
    static absl::Status Gone() { return absl::CancelledError("the client reads no further"); }
    grpc::ServerContext* context_;
    grpc::ServerWriter<Message>* writer_;
    uint64_t sent_ = 0;
  };

  Arrival Arrive(const grpc::ServerContext* context) const;
  // On a worker's thread; the answer is that of Run, or that it has not ended yet.
  grpc::Status RunInTime(grpc::ServerContext* context,
                         std::shared_ptr<const google::protobuf::Message> request,
                         const std::string& key, const Handler& handler);
  // `messages`: how many a stream has sent by the end of the handler; null: no stream.
  grpc::Status Run(const Arrival& arrival, Kind kind, const google::protobuf::Message& request,
                   const std::string& key, const Handler& handler,
                   const uint64_t* messages = nullptr);
  absl::Status Capped(const Call& call, const std::string& key, const Handler& handler);

  Options options_;
  KeyedLock locks_;
  std::atomic<int> in_flight_{0};
  Workers workers_;  // the last: it waits for calls that use the others
};

// The calls being served in this process right now, also those that have been answered before they
// ended, one text each ("CreateVolume 4f2a, 3 s, at step ..."): for the drain. When there are none,
// no handler runs any more.
std::vector<std::string> CallsInFlight();

}  // namespace rbdcsi
