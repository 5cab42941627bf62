#include "csi/server.h"

#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "absl/time/clock.h"
#include "csi.grpc.pb.h"
#include "tests/catch.h"
#include "tests/unit/csi/process.h"

namespace rbdcsi {
namespace {

constexpr absl::Duration kStartLimit = absl::Seconds(20);  // sanitizers are slow; it is not a goal

// A directory with a server's socket and log in it, and a client of whoever serves there.
class Site {
 public:
  std::string socket() const { return dir_ / "csi.sock"; }
  std::string endpoint() const { return "unix://" + socket(); }
  std::string log() const { return ReadFile(dir_ / "log"); }

  Process::Command Server(const std::string& drain_seconds = "30") const {
    return {.argv = {CSI_BARE_SERVER, "--endpoint", endpoint(), "--drain-seconds", drain_seconds,
                     "--max-in-flight", "2"},
            .stderr_path = dir_ / "log"};
  }

  std::shared_ptr<grpc::Channel> Channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 50);
    return grpc::CreateCustomChannel(endpoint(), grpc::InsecureChannelCredentials(), arguments);
  }

  // Waits for the server to come up.
  grpc::Status Probe() const {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(absl::Now() + kStartLimit));
    const csi::v1::ProbeRequest request;
    csi::v1::ProbeResponse response;
    return csi::v1::Identity::NewStub(Channel())->Probe(&context, request, &response);
  }

  struct Sleep {
    std::string volume;
    std::string seconds;
    absl::Duration deadline = kStartLimit;
  };
  struct Slept {
    grpc::Status status;
    int64_t remaining_ms = 0;
  };
  Slept Ask(const Sleep& sleep) const {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + sleep.deadline));
    csi::v1::NodeGetVolumeStatsRequest request;
    request.set_volume_id(sleep.volume);
    request.set_volume_path(sleep.seconds);
    csi::v1::NodeGetVolumeStatsResponse response;
    const grpc::Status status =
        csi::v1::Node::NewStub(Channel())->NodeGetVolumeStats(&context, request, &response);
    return {.status = status,
            .remaining_ms = response.usage_size() > 0 ? response.usage(0).available() : 0};
  }

  // Asks for a long call and comes back when the server is in it.
  std::thread AskInBackground(const Sleep& sleep, Slept& slept) const {
    std::thread thread([this, sleep, &slept] {
      do {
        slept = Ask(sleep);  // again when the question below held the volume
      } while (slept.status.error_code() == grpc::ABORTED);
    });
    const absl::Time limit = absl::Now() + kStartLimit;
    while (Ask({.volume = sleep.volume, .seconds = "0"}).status.error_code() != grpc::ABORTED &&
           absl::Now() < limit) {
      absl::SleepFor(absl::Milliseconds(10));
    }
    return thread;
  }

 private:
  TempDir dir_;
};

}  // namespace

TEST_CASE("a server's socket is for its owner only") {
  const Site site;
  const Process server(site.Server());
  REQUIRE(site.Probe().ok());
  struct stat info {};
  REQUIRE(stat(site.socket().c_str(), &info) == 0);
  CHECK(S_ISSOCK(info.st_mode));
  CHECK((info.st_mode & 07777) == 0600);
}

TEST_CASE("a second server does not take a live socket") {
  const Site site;
  const Process server(site.Server());
  REQUIRE(site.Probe().ok());
  const TempDir elsewhere;
  Process::Command command = site.Server();
  command.stderr_path = elsewhere / "log";
  CHECK(Process(command).Wait() == 1);
  CHECK_THAT(ReadFile(elsewhere / "log"),
             Catch::Matchers::Contains("serve on " + site.socket() + ": another process answers"));
  CHECK(site.Probe().ok());
}

TEST_CASE("a dead server's socket is replaced") {
  const Site site;
  {
    Process server(site.Server());
    REQUIRE(site.Probe().ok());
    server.Signal(SIGKILL);
    CHECK(server.Wait() == -SIGKILL);
  }
  REQUIRE(std::filesystem::is_socket(site.socket()));
  const Process server(site.Server());
  CHECK(site.Probe().ok());
}

TEST_CASE("what is no socket is left alone") {
  const Site site;
  WriteFile(site.socket(), "precious");
  CHECK(Process(site.Server()).Wait() == 1);
  CHECK_THAT(site.log(), Catch::Matchers::Contains("something else is there"));
  CHECK(ReadFile(site.socket()) == "precious");
}

TEST_CASE("a missing directory is named") {
  const TempDir dir;
  const absl::Status status = RunServer(
      {.endpoint = "unix://" + (dir / "none/csi.sock"), .drain = absl::ZeroDuration()}, {});
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK_THAT(std::string(status.message()),
             Catch::Matchers::Contains("directory " + (dir / "none/") + ": No such file"));
}

TEST_CASE("SIGTERM lets the calls in flight finish, and refuses new ones") {
  const Site site;
  Process server(site.Server());
  REQUIRE(site.Probe().ok());
  Site::Slept slept;
  std::thread caller = site.AskInBackground({.volume = "a", .seconds = "1"}, slept);
  server.Signal(SIGTERM);
  absl::SleepFor(absl::Milliseconds(300));
  CHECK(site.Ask({.volume = "b", .seconds = "0"}).status.error_code() == grpc::UNAVAILABLE);
  caller.join();
  CHECK(slept.status.ok());
  CHECK(server.Wait() == 0);
  CHECK_FALSE(std::filesystem::exists(site.socket()));
}

TEST_CASE("an idle server stops at once on SIGINT") {
  const Site site;
  Process server(site.Server());
  REQUIRE(site.Probe().ok());
  const absl::Time before = absl::Now();
  server.Signal(SIGINT);
  CHECK(server.Wait() == 0);
  CHECK(absl::Now() - before < absl::Seconds(10));
}

TEST_CASE("the drain has an end, and says what it left behind") {
  const Site site;
  Process server(site.Server("0.2"));
  REQUIRE(site.Probe().ok());
  Site::Slept slept;
  std::thread caller = site.AskInBackground({.volume = "a", .seconds = "60"}, slept);
  server.Signal(SIGTERM);
  CHECK(server.Wait() == 0);
  caller.join();
  CHECK_FALSE(slept.status.ok());
  CHECK_THAT(site.log(), Catch::Matchers::Contains("stopping without waiting for "
                                                   "NodeGetVolumeStats") &&
                             Catch::Matchers::Contains("at step \"sleep\""));
  CHECK_FALSE(std::filesystem::exists(site.socket()));
}

TEST_CASE("the drain waits for what was answered before its end") {
  const Site site;
  Process server(site.Server());
  REQUIRE(site.Probe().ok());
  const Site::Slept slept = site.Ask({.volume = "a", .seconds = "3", .deadline = absl::Seconds(1)});
  CHECK(slept.status.error_code() == grpc::DEADLINE_EXCEEDED);
  CHECK_THAT(slept.status.error_message(), Catch::Matchers::Contains("has not ended after") &&
                                               Catch::Matchers::Contains("at step \"sleep\""));
  server.Signal(SIGTERM);
  CHECK(server.Wait() == 0);
  CHECK_THAT(site.log(), Catch::Matchers::Contains("NodeGetVolumeStats OK") &&
                             !Catch::Matchers::Contains("stopping without waiting"));
}

TEST_CASE("the drain has an end also for what was answered before its end") {
  const Site site;
  Process server(site.Server("0.2"));
  REQUIRE(site.Probe().ok());
  const absl::Time before = absl::Now();
  CHECK(site.Ask({.volume = "a", .seconds = "60", .deadline = absl::Seconds(1)})
            .status.error_code() == grpc::DEADLINE_EXCEEDED);
  server.Signal(SIGTERM);
  CHECK(server.Wait() == 0);
  CHECK(absl::Now() - before < absl::Seconds(20));
  CHECK_THAT(site.log(), Catch::Matchers::Contains("stopping without waiting for "
                                                   "NodeGetVolumeStats"));
}

TEST_CASE("a second signal ends the drain") {
  const Site site;
  Process server(site.Server("3600"));
  REQUIRE(site.Probe().ok());
  Site::Slept slept;
  std::thread caller = site.AskInBackground({.volume = "a", .seconds = "60"}, slept);
  server.Signal(SIGTERM);
  absl::SleepFor(absl::Milliseconds(200));
  server.Signal(SIGTERM);
  CHECK(server.Wait() == 0);
  caller.join();
  CHECK_FALSE(slept.status.ok());
}

TEST_CASE("the caller's deadline reaches the call") {
  const Site site;
  const Process server(site.Server());
  REQUIRE(site.Probe().ok());
  const Site::Slept slept =
      site.Ask({.volume = "a", .seconds = "0", .deadline = absl::Seconds(10)});
  CHECK(slept.remaining_ms > 0);
  // gRPC rounds timeouts up on the wire; the border's default would be two minutes.
  CHECK(slept.remaining_ms <= 11000);
}

TEST_CASE("a probe is answered while every place is taken") {
  const Site site;
  const Process server(site.Server());
  REQUIRE(site.Probe().ok());
  Site::Slept first;
  Site::Slept second;
  std::thread one = site.AskInBackground({.volume = "a", .seconds = "2"}, first);
  std::thread two([&] { second = site.Ask({.volume = "b", .seconds = "2"}); });
  absl::SleepFor(absl::Milliseconds(300));
  CHECK(site.Ask({.volume = "c", .seconds = "0"}).status.error_code() == grpc::UNAVAILABLE);
  CHECK(site.Probe().ok());
  one.join();
  two.join();
  CHECK(first.status.ok());
  CHECK(second.status.ok());
}

}  // namespace rbdcsi
