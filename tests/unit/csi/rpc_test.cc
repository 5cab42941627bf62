#include "csi/rpc.h"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <set>
#include <sstream>
#include <thread>

#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "csi.pb.h"
#include "csi/step.h"
#include "csi/utf8.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

using csi::v1::DeleteVolumeRequest;
using csi::v1::DeleteVolumeResponse;

// The border logs each call; only LogCapture wants to see it.
const bool kQuiet = [] {
  spdlog::default_logger()->set_level(spdlog::level::off);
  return true;
}();

// A service whose one method does what the case says.
class Service {
 public:
  using Act = std::function<absl::StatusOr<DeleteVolumeResponse>(const Call&)>;
  explicit Service(Act act) : act_(std::move(act)) {}
  absl::StatusOr<DeleteVolumeResponse> Delete(const Call& call, const DeleteVolumeRequest&) {
    return act_(call);
  }

 private:
  Act act_;
};

Service Answering(const absl::Status& status) {
  return Service([status](const Call&) -> absl::StatusOr<DeleteVolumeResponse> {
    if (!status.ok()) {
      return status;
    }
    return DeleteVolumeResponse();
  });
}

struct Asked {
  std::string key;
  DeleteVolumeRequest request = {};
};

grpc::Status Ask(Border& border, Service& service, const Asked& asked = {}) {
  DeleteVolumeResponse response;
  return border.ServeLocked(nullptr, &asked.request, &response, service, &Service::Delete,
                            asked.key);
}

// A call that is inside its handler from the end of the constructor to the beginning of the
// destructor.
class Held {
 public:
  Held(Border& border, const std::string& key)
      : service_([this](const Call&) {
          const Step step("hold still");
          inside_.Notify();
          leave_.WaitForNotification();
          return DeleteVolumeResponse();
        }),
        thread_([this, &border, key] { Ask(border, service_, {.key = key}); }) {
    inside_.WaitForNotification();
  }
  ~Held() {
    leave_.Notify();
    thread_.join();
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  absl::Notification inside_;
  absl::Notification leave_;
  Service service_;
  std::thread thread_;
};

// What is logged while it lives, at the lowest level.
class LogCapture {
 public:
  LogCapture() : before_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_));
    logger->set_pattern("%l %v");
    logger->set_level(spdlog::level::trace);
    spdlog::set_default_logger(logger);
  }
  ~LogCapture() { spdlog::set_default_logger(before_); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  std::string text() const { return text_.str(); }
  std::vector<std::string> lines() const {
    return absl::StrSplit(text_.str(), '\n', absl::SkipEmpty());
  }

 private:
  std::shared_ptr<spdlog::logger> before_;
  std::ostringstream text_;
};

}  // namespace

TEST_CASE("a status arrives with its code and its message") {
  Border border({});
  for (int code = 1; code <= 16; ++code) {
    Service service = Answering(absl::Status(static_cast<absl::StatusCode>(code), "a: b (c)"));
    const grpc::Status status = Ask(border, service);
    CHECK(static_cast<int>(status.error_code()) == code);
    CHECK(status.error_message() == "a: b (c)");
    CHECK(status.error_details().empty());
  }
  Service service = Answering(absl::OkStatus());
  CHECK(Ask(border, service).ok());
}

TEST_CASE("a message is valid UTF-8 and fits into gRPC's trailers") {
  Border border({});
  Service service = Answering(absl::InternalError("bad \xFF " + std::string(100000, 'x')));
  const std::string message = Ask(border, service).error_message();
  CHECK(message == ValidUtf8(message));
  CHECK(message.size() <= 2048);
  CHECK_THAT(message, Catch::Matchers::StartsWith("bad \xEF\xBF\xBD xxx"));
}

TEST_CASE("an exception is UNAVAILABLE, because what was done is unknown") {
  Border border({});
  Service service([](const Call&) -> absl::StatusOr<DeleteVolumeResponse> {
    throw std::runtime_error("boom");
  });
  const grpc::Status status = Ask(border, service, {.key = "a"});
  CHECK(status.error_code() == grpc::UNAVAILABLE);
  CHECK_THAT(status.error_message(), Catch::Matchers::Contains("DeleteVolume") &&
                                         Catch::Matchers::Contains("boom") &&
                                         Catch::Matchers::Contains("call again"));
  Service odd([](const Call&) -> absl::StatusOr<DeleteVolumeResponse> { throw 5; });
  CHECK(Ask(border, odd, {.key = "a"}).error_code() == grpc::UNAVAILABLE);
  Service fine = Answering(absl::OkStatus());
  CHECK(Ask(border, fine, {.key = "a"}).ok());
}

TEST_CASE("a busy key is ABORTED, another key and no key are served") {
  Border border({});
  const Held held(border, "rbd/a");
  Service service = Answering(absl::OkStatus());
  const grpc::Status busy = Ask(border, service, {.key = "rbd/a"});
  CHECK(busy.error_code() == grpc::ABORTED);
  CHECK_THAT(busy.error_message(),
             Catch::Matchers::Matches("volume rbd/a is busy: DeleteVolume [0-9a-f]{8} has held it "
                                      "for .* s, at step \"hold still\" \\(call again\\)"));
  CHECK(Ask(border, service, {.key = "rbd/b"}).ok());
  CHECK(Ask(border, service).ok());
}

TEST_CASE("calls over the cap are UNAVAILABLE and Identity's are served") {
  Border border({.max_in_flight = 1});
  Service service = Answering(absl::OkStatus());
  {
    const Held held(border, "a");
    const grpc::Status status = Ask(border, service, {.key = "b"});
    CHECK(status.error_code() == grpc::UNAVAILABLE);
    CHECK_THAT(status.error_message(), Catch::Matchers::Contains("--max-in-flight"));
    const DeleteVolumeRequest request;
    DeleteVolumeResponse response;
    CHECK(border.ServeAlways(nullptr, &request, &response, service, &Service::Delete).ok());
  }
  CHECK(Ask(border, service, {.key = "b"}).ok());
}

TEST_CASE("the calls in flight are listed with their step") {
  Border border({});
  CHECK(CallsInFlight().empty());
  {
    const Held held(border, "a");
    REQUIRE(CallsInFlight().size() == 1);
    CHECK_THAT(CallsInFlight()[0],
               Catch::Matchers::Matches(
                   "DeleteVolume [0-9a-f]{8}, [0-9]+\\.[0-9] s, at step \"hold still\""));
  }
  CHECK(CallsInFlight().empty());
}

TEST_CASE("each call has an id and the default deadline") {
  Border border({.default_deadline = absl::Minutes(2)});
  std::set<std::string> ids;
  Service service([&](const Call& call) {
    ids.insert(call.id());
    CHECK(call.method() == "DeleteVolume");
    CHECK(Call::Current() == &call);
    CHECK(call.remaining() > absl::Minutes(1));
    CHECK(call.remaining() <= absl::Minutes(2));
    return DeleteVolumeResponse();
  });
  for (int i = 0; i < 100; ++i) {
    CHECK(Ask(border, service).ok());
  }
  CHECK(ids.size() == 100);
}

TEST_CASE("a call is one line when it starts and one when it ends") {
  Border border({});
  Service good = Answering(absl::OkStatus());
  Service bad = Answering(absl::NotFoundError("no such volume"));
  DeleteVolumeRequest request;
  request.set_volume_id("main/rbd/a");
  const LogCapture log;
  Ask(border, good, {.key = "", .request = request});
  Ask(border, bad, {.key = "", .request = request});
  DeleteVolumeResponse response;
  border.ServeAlways(nullptr, &request, &response, good, &Service::Delete);
  const std::string id = "\\{volume_id: \"main/rbd/a\"\\}";
  const auto lines = log.lines();
  REQUIRE(lines.size() == 6);
  CHECK_THAT(lines[0], Catch::Matchers::Matches("debug DeleteVolume started " + id));
  CHECK_THAT(lines[1], Catch::Matchers::Matches("info DeleteVolume OK [0-9.]+ms " + id));
  CHECK_THAT(lines[3], Catch::Matchers::Matches(
                           "warning DeleteVolume NOT_FOUND [0-9.]+ms no such volume " + id));
  CHECK_THAT(lines[5], Catch::Matchers::Matches("debug DeleteVolume OK [0-9.]+ms " + id));
}

TEST_CASE("a call that outlives its deadline is answered in time and says so when it ends") {
  const LogCapture log;
  {
    Border border({.default_deadline = absl::Milliseconds(200)});
    absl::Notification leave;
    Service service([&](const Call&) {
      { const Step step("quick"); }
      const Step step("slow");
      leave.WaitForNotification();
      return DeleteVolumeResponse();
    });
    const absl::Time begin = absl::Now();
    const grpc::Status status = Ask(border, service, {.key = "rbd/a"});
    CHECK(absl::Now() - begin > absl::Milliseconds(150));
    CHECK(status.error_code() == grpc::DEADLINE_EXCEEDED);
    CHECK_THAT(status.error_message(),
               Catch::Matchers::Matches("DeleteVolume [0-9a-f]{8} has not ended after 0\\.[0-9] s, "
                                        "at step \"slow\" \\(it goes on: call again\\)"));
    // What it works on stays its own.
    CHECK(Ask(border, service, {.key = "rbd/a"}).error_code() == grpc::ABORTED);
    CHECK(CallsInFlight().size() == 1);
    absl::SleepFor(absl::Milliseconds(60));
    leave.Notify();
    while (!CallsInFlight().empty()) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    CHECK(Ask(border, service, {.key = "rbd/a"}).ok());
  }
  CHECK_THAT(log.text(), Catch::Matchers::Contains("goes on behind its deadline, 0.") &&
                             Catch::Matchers::Contains("(deadline passed 0.") &&
                             Catch::Matchers::Contains("s ago; slowest step \"slow\" 0."));
}

TEST_CASE("a call that goes on counts for the cap") {
  absl::Notification leave;
  Service stuck([&](const Call&) {
    leave.WaitForNotification();
    return DeleteVolumeResponse();
  });
  Border border({.max_in_flight = 1, .default_deadline = absl::Milliseconds(20)});
  CHECK(Ask(border, stuck).error_code() == grpc::DEADLINE_EXCEEDED);
  Service good = Answering(absl::OkStatus());
  CHECK(Ask(border, good).error_code() == grpc::UNAVAILABLE);
  leave.Notify();
}

TEST_CASE("no secret of a request reaches the log, whatever the level and the outcome") {
  Border border({.max_in_flight = 1});
  DeleteVolumeRequest request;
  (*request.mutable_secrets())["userKey"] = "CANARY";
  Service good = Answering(absl::OkStatus());
  Service bad = Answering(absl::InternalError("failed"));
  Service odd([](const Call&) -> absl::StatusOr<DeleteVolumeResponse> { throw 5; });
  const LogCapture log;
  for (Service* service : {&good, &bad, &odd}) {
    Ask(border, *service, {.key = "a", .request = request});
  }
  CHECK(log.lines().size() == 6);
  CHECK_THAT(log.text(), !Catch::Matchers::Contains("CANARY"));
}

}  // namespace rbdcsi
