#include "csi/cli.h"

#include <cstdlib>

#include "absl/status/status.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

// An environment variable for one case.
class Env {
 public:
  Env(const char* name, const char* value) : name_(name) {
    setenv(name, value, 1);  // NOLINT(concurrency-mt-unsafe)
  }
  ~Env() { unsetenv(name_); }  // NOLINT(concurrency-mt-unsafe)
  Env(const Env&) = delete;
  Env& operator=(const Env&) = delete;

 private:
  const char* name_;
};

CommonOptions Parse(std::vector<std::string> arguments) {
  CLI::App app("test");
  CommonOptions options;
  AddCommonFlags(app, options);
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
  return options;
}

CommonOptions Valid() {
  CommonOptions options;
  options.endpoint = "unix:///run/csi/csi.sock";
  return options;
}

}  // namespace

TEST_CASE("every flag arrives") {
  const CommonOptions options =
      Parse({"--endpoint", "unix:///a", "--driver-name", "d", "--keys", "/k", "--max-in-flight",
             "3", "--drain-seconds", "1.5", "--log-level", "debug", "--log-format", "json"});
  CHECK(options.endpoint == "unix:///a");
  CHECK(options.driver_name == "d");
  CHECK(options.keys == "/k");
  CHECK(options.max_in_flight == 3);
  CHECK(options.drain_seconds == 1.5);
  CHECK(options.log.level == "debug");
  CHECK(options.log.format == "json");
}

TEST_CASE("the environment stands in for flags, and flags win") {
  const Env endpoint("CSI_ENDPOINT", "unix:///from-csi");
  const Env level("RBD_CSI_LOG_LEVEL", "trace");
  CHECK(Parse({}).endpoint == "unix:///from-csi");
  CHECK(Parse({}).log.level == "trace");
  CHECK(Parse({"--log-level", "error"}).log.level == "error");
  const Env own("RBD_CSI_ENDPOINT", "unix:///from-own");
  CHECK(Parse({}).endpoint == "unix:///from-own");
  CHECK(Parse({"--endpoint", "unix:///from-flag"}).endpoint == "unix:///from-flag");
}

TEST_CASE("the help page names every flag, its group and its environment twin") {
  CLI::App app("test");
  CommonOptions options;
  AddCommonFlags(app, options);
  const std::string help = app.help();
  for (const char* text :
       {"Serving:", "Ceph:", "Logging:", "--endpoint", "CSI_ENDPOINT", "RBD_CSI_ENDPOINT",
        "RBD_CSI_DRIVER_NAME", "RBD_CSI_KEYS", "RBD_CSI_MAX_IN_FLIGHT", "RBD_CSI_DRAIN_SECONDS",
        "RBD_CSI_LOG_LEVEL", "RBD_CSI_LOG_FORMAT", "rbd-csi.io", "--version"}) {
    CHECK_THAT(help, Catch::Matchers::Contains(text));
  }
}

TEST_CASE("options that can work are valid") {
  CHECK(Validate(Valid()).ok());
  for (const char* name : {"a", "rbd-csi.io", "rbd.csi.example.COM"}) {
    CommonOptions options = Valid();
    options.driver_name = name;
    CHECK(Validate(options).ok());
  }
}

TEST_CASE("an endpoint that is no unix socket is refused with what to write") {
  for (const std::string& endpoint :
       {std::string(), std::string("tcp://127.0.0.1:1"), std::string("unix://relative"),
        std::string("/run/csi.sock"), std::string("unix:///"),
        "unix:///" + std::string(108, 'x')}) {
    CommonOptions options = Valid();
    options.endpoint = endpoint;
    const absl::Status status = Validate(options);
    INFO(endpoint);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK_THAT(std::string(status.message()), Catch::Matchers::StartsWith("endpoint"));
  }
}

TEST_CASE("driver names that CSI does not allow are refused") {
  for (const std::string& name : {std::string(), std::string("-a"), std::string("a."),
                                  std::string("a/b"), std::string("a_b"), std::string(64, 'a')}) {
    CommonOptions options = Valid();
    options.driver_name = name;
    CHECK(Validate(options).code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("a cap or a drain below its minimum is refused") {
  CommonOptions options = Valid();
  options.max_in_flight = 0;
  CHECK(Validate(options).code() == absl::StatusCode::kInvalidArgument);
  options = Valid();
  options.drain_seconds = -1;
  CHECK(Validate(options).code() == absl::StatusCode::kInvalidArgument);
}

}  // namespace rbdcsi
