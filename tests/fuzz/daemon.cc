#include "tests/fuzz/daemon.h"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "csi/utf8.h"
#include "tests/fuzz/canary.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

constexpr size_t kMaxMessageBytes = 2048;

void CheckStatus(const grpc::Status& status, const std::string& method) {
  const std::string& message = status.error_message();
  if (absl::StartsWith(message, absl::StrCat(method, ": unexpected exception"))) {
    Broken(message.c_str(), __FILE__, __LINE__);
  }
  // Kubernetes takes both for "it did not happen"; the driver never means that by them.
  HOLDS(status.error_code() != grpc::INTERNAL && status.error_code() != grpc::UNKNOWN);
  HOLDS(status.ok() == message.empty());
  HOLDS(message.size() <= kMaxMessageBytes && ValidUtf8(message) == message);
  HOLDS(!Contains(message, kCanary));
}

}  // namespace

Daemon::Daemon() {
  auto logger = std::make_shared<spdlog::logger>(
      "fuzz", std::make_shared<spdlog::sinks::ostream_sink_mt>(log_));
  logger->set_pattern("%v");
  logger->set_level(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
}

void Daemon::Serve(google::protobuf::Message& request) {
  const auto rpc = rpcs_.find(request.GetDescriptor());
  if (rpc == rpcs_.end()) {
    return;
  }
  PlantCanary(request, Plant::kSecrets);
  log_.str("");
  std::string answer;
  const grpc::Status status = rpc->second(request, &answer);
  CheckStatus(status, std::string(absl::StripSuffix(request.GetDescriptor()->name(), "Request")));
  HOLDS(!Contains(answer, kCanary));
  HOLDS(!log_.str().empty() && !Contains(log_.str(), kCanary));
  // Who has not heard the answer asks again, and is told the same.
  HOLDS(rpc->second(request, &answer).error_code() == status.error_code());
}

}  // namespace rbdcsi::fuzz
