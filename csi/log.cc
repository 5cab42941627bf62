#include "csi/log.h"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "csi/call.h"
#include "csi/utf8.h"

namespace rbdcsi {
namespace {

struct Level {
  absl::string_view name;
  spdlog::level::level_enum level;
};

constexpr Level kLevels[] = {
    {"trace", spdlog::level::trace}, {"debug", spdlog::level::debug},
    {"info", spdlog::level::info},   {"warning", spdlog::level::warn},
    {"error", spdlog::level::err},   {"critical", spdlog::level::critical},
};

absl::string_view NameOf(spdlog::level::level_enum wanted) {
  for (const Level& level : kLevels) {
    if (level.level == wanted) {
      return level.name;
    }
  }
  return "off";
}

// One record is one line: control characters become escapes that JSON reads and people recognise.
std::string Escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : ValidUtf8(text)) {
    if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned>(c));
    } else {
      if (quotes && (c == '"' || c == '\\')) {
        out += '\\';
      }
      out += c;
    }
  }
  return out;
}

class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(bool json) : json_(json) {}

  void format(const spdlog::details::log_msg& record, spdlog::memory_buf_t& out) override {
    const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromChrono(record.time),
                                              absl::UTCTimeZone());
    const std::string message =
        Escaped(std::string_view(record.payload.data(), record.payload.size()), json_);
    const Call* call = Call::Current();
    const std::string id = call != nullptr ? call->id() : "";
    const std::string line =
        json_
            ? absl::StrCat("{\"ts\":\"", time, "\",\"level\":\"", NameOf(record.level),
                           id.empty() ? "" : "\",\"id\":\"", id, "\",\"msg\":\"", message, "\"}\n")
            : absl::StrCat(time, " ", NameOf(record.level), " ", id, id.empty() ? "" : " ", message,
                           "\n");
    out.append(line.data(), line.data() + line.size());
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(json_);
  }

 private:
  bool json_;
};

}  // namespace

absl::Status InitLogging(const LogOptions& options) {
  const Level* chosen = nullptr;
  for (const Level& level : kLevels) {
    if (level.name == options.level) {
      chosen = &level;
    }
  }
  if (chosen == nullptr || chosen->level == spdlog::level::critical) {
    return absl::InvalidArgumentError(
        absl::StrCat("log level ", options.level,
                     ": does not exist (use trace, debug, info, warning or error)"));
  }
  if (options.format != "text" && options.format != "json") {
    return absl::InvalidArgumentError(
        absl::StrCat("log format ", options.format, ": does not exist (use text or json)"));
  }
  // The sink formats on the thread that logs, so Call::Current() is that thread's call.
  auto logger = std::make_shared<spdlog::logger>("rbd-csi",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::make_unique<LineFormatter>(options.format == "json"));
  logger->set_level(chosen->level);
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

}  // namespace rbdcsi
