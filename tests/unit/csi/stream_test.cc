// A server stream through the border, from a real client of a real server.
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <functional>
#include <sstream>
#include <thread>

#include "absl/synchronization/notification.h"
#include "csi.grpc.pb.h"
#include "csi/rpc.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

using Request = csi::v1::GetMetadataAllocatedRequest;
using Response = csi::v1::GetMetadataAllocatedResponse;

// A service whose one stream does what the case says.
class Service {
 public:
  using Act = std::function<absl::Status(Outlet<Response>&)>;
  explicit Service(Act act) : act_(std::move(act)) {}
  absl::Status Get(const Call& /*call*/, const Request& /*request*/, Outlet<Response>& out) {
    return act_(out);
  }

 private:
  Act act_;
};

class Rpcs final : public csi::v1::SnapshotMetadata::Service {
 public:
  Rpcs(Border& border, rbdcsi::Service& service) : border_(border), service_(service) {}
  grpc::Status GetMetadataAllocated(grpc::ServerContext* context, const Request* request,
                                    grpc::ServerWriter<Response>* writer) override {
    return border_.ServeStream(context, request, writer, service_, &rbdcsi::Service::Get);
  }

 private:
  Border& border_;
  rbdcsi::Service& service_;
};

class Server {
 public:
  explicit Server(Service::Act act, int max_in_flight = 256)
      : border_({.max_in_flight = max_in_flight}),
        service_(std::move(act)),
        rpcs_(border_, service_) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&rpcs_);
    server_ = builder.BuildAndStart();
    stub_ = csi::v1::SnapshotMetadata::NewStub(server_->InProcessChannel(grpc::ChannelArguments()));
  }
  ~Server() { server_->Shutdown(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  csi::v1::SnapshotMetadata::Stub& stub() { return *stub_; }

 private:
  Border border_;
  Service service_;
  Rpcs rpcs_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<csi::v1::SnapshotMetadata::Stub> stub_;
};

struct Received {
  int messages = 0;
  grpc::Status status;
};

Received Read(Server& server, const Request& request = {}) {
  grpc::ClientContext context;
  auto reader = server.stub().GetMetadataAllocated(&context, request);
  Received received;
  for (Response message; reader->Read(&message);) {
    ++received.messages;
  }
  received.status = reader->Finish();
  return received;
}

absl::Status SendThree(Outlet<Response>& out) {
  for (int i = 0; i < 3; ++i) {
    if (absl::Status status = out.Send(Response()); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

// What is logged while it lives.
class LogCapture {
 public:
  LogCapture() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "stream", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
  }
  ~LogCapture() { spdlog::set_default_logger(before_); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  std::string text() const { return text_.str(); }

 private:
  std::shared_ptr<spdlog::logger> before_;
  std::ostringstream text_;
};

}  // namespace

TEST_CASE("a stream that is done ends well with all its messages, and its log line counts them") {
  const LogCapture log;
  Received received;
  {
    Server server(SendThree);
    Request request;
    request.set_snapshot_id("a/b/c@d");
    (*request.mutable_secrets())["userKey"] = "hidden";
    received = Read(server, request);
  }
  CHECK(received.status.ok());
  CHECK(received.messages == 3);
  INFO(log.text());
  CHECK_THAT(log.text(), Catch::Matchers::Contains("GetMetadataAllocated OK"));
  CHECK_THAT(log.text(), Catch::Matchers::Contains("3 messages"));
  CHECK_THAT(log.text(), !Catch::Matchers::Contains("hidden"));
}

TEST_CASE("a stream that fails on the way ends with the error, not well") {
  Server server([](Outlet<Response>& out) {
    const absl::Status sent = SendThree(out);
    return sent.ok() ? absl::UnavailableError("half of it") : sent;
  });
  const Received received = Read(server);
  CHECK(received.messages == 3);
  CHECK(received.status.error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(received.status.error_message() == "half of it");
}

TEST_CASE("an exception in the middle of a stream ends it as unavailable") {
  Server server([](Outlet<Response>& out) -> absl::Status {
    const absl::Status sent = out.Send(Response());
    throw std::runtime_error(sent.ok() ? "bang" : "not even sent");
  });
  const Received received = Read(server);
  CHECK(received.status.error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK_THAT(received.status.error_message(), Catch::Matchers::Contains("bang"));
}

TEST_CASE("work for a client that is gone ends, between messages and at the next one") {
  const bool sends = GENERATE(true, false);
  absl::Notification ended;
  absl::Status last;
  Server server([&](Outlet<Response>& out) {
    last = out.Send(Response());
    while (last.ok()) {
      last = sends ? out.Send(Response()) : out.CheckWanted();
    }
    ended.Notify();
    return last;
  });
  grpc::ClientContext context;
  auto reader = server.stub().GetMetadataAllocated(&context, Request());
  Response first;
  REQUIRE(reader->Read(&first));
  context.TryCancel();
  REQUIRE(ended.WaitForNotificationWithTimeout(absl::Seconds(20)));
  CHECK(absl::IsCancelled(last));
  CHECK(reader->Finish().error_code() == grpc::StatusCode::CANCELLED);
}

TEST_CASE("a stream takes a place among the calls in flight") {
  absl::Notification inside;
  absl::Notification leave;
  Server server(
      [&](Outlet<Response>&) {
        inside.Notify();
        leave.WaitForNotification();
        return absl::OkStatus();
      },
      1);
  Received first;
  std::thread client([&] { first = Read(server); });
  inside.WaitForNotification();
  const Received second = Read(server);
  leave.Notify();
  client.join();
  CHECK(first.status.ok());
  CHECK(second.status.error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK_THAT(second.status.error_message(), Catch::Matchers::Contains("in flight"));
}

}  // namespace rbdcsi
