#include "csi/log.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_split.h"
#include "csi/call.h"
#include "tests/catch.h"
#include "tests/unit/csi/process.h"

namespace rbdcsi {
namespace {

// Sets up logging for one case, and gives the lines that `act` logs.
template <class Act>
std::vector<std::string> Lines(const LogOptions& options, Act act) {
  const TempDir dir;
  const std::shared_ptr<spdlog::logger> before = spdlog::default_logger();
  {
    const StderrCapture capture(dir / "log");
    REQUIRE(InitLogging(options).ok());
    act();
    spdlog::set_default_logger(before);
  }
  return absl::StrSplit(ReadFile(dir / "log"), '\n', absl::SkipEmpty());
}

}  // namespace

TEST_CASE("a JSON line reads back as what was logged") {
  const std::string message = "say \"hi\"\\ \n\t\x01 z\xC3\xBC";
  const auto lines = Lines({.level = "info", .format = "json"}, [&] { spdlog::warn(message); });
  REQUIRE(lines.size() == 1);
  const auto record = nlohmann::json::parse(lines[0]);
  CHECK(record["msg"] == message);
  CHECK(record["level"] == "warning");
  CHECK_THAT(record["ts"].get<std::string>(),
             Catch::Matchers::Matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z"));
  CHECK_FALSE(record.contains("id"));
}

TEST_CASE("bytes that are no UTF-8 leave the line readable") {
  const auto lines = Lines({.format = "json"}, [] { spdlog::info("a\xFF"); });
  CHECK(nlohmann::json::parse(lines.at(0))["msg"] == "a\xEF\xBF\xBD");
}

TEST_CASE("each line of a call carries its id") {
  const auto log = [] {
    const Call call("CreateVolume", "4f2a01bc", absl::Now());
    spdlog::info("made");
  };
  CHECK(nlohmann::json::parse(Lines({.format = "json"}, log).at(0))["id"] == "4f2a01bc");
  CHECK_THAT(Lines({}, log).at(0), Catch::Matchers::Matches("\\S+Z info 4f2a01bc made"));
}

TEST_CASE("a record of several lines is one line of text") {
  const auto lines = Lines({}, [] { spdlog::info("one\ntwo"); });
  REQUIRE(lines.size() == 1);
  CHECK_THAT(lines[0], Catch::Matchers::EndsWith(" info one\\ntwo"));
}

TEST_CASE("records below the level are left out") {
  const auto log = [] {
    spdlog::debug("d");
    spdlog::info("i");
    spdlog::error("e");
  };
  CHECK(Lines({.level = "debug"}, log).size() == 3);
  CHECK(Lines({.level = "info"}, log).size() == 2);
  CHECK(Lines({.level = "error"}, log).size() == 1);
}

TEST_CASE("levels and formats that do not exist are refused with those that do") {
  const absl::Status level = InitLogging({.level = "loud"});
  CHECK(level.code() == absl::StatusCode::kInvalidArgument);
  CHECK_THAT(std::string(level.message()),
             Catch::Matchers::Contains("loud") && Catch::Matchers::Contains("warning or error"));
  const absl::Status format = InitLogging({.format = "xml"});
  CHECK(format.code() == absl::StatusCode::kInvalidArgument);
  CHECK_THAT(std::string(format.message()), Catch::Matchers::Contains("use text or json"));
}

}  // namespace rbdcsi
