#include "csi/rpc.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <random>
#include <system_error>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "csi/redact.h"
#include "csi/utf8.h"

namespace rbdcsi {
namespace {

// Trailers are limited to 8 KiB by default, and gRPC spells a byte outside ASCII with three.
constexpr size_t kMaxMessageBytes = 2048;

static_assert(static_cast<int>(absl::StatusCode::kOk) == grpc::OK);
static_assert(static_cast<int>(absl::StatusCode::kInvalidArgument) == grpc::INVALID_ARGUMENT);
static_assert(static_cast<int>(absl::StatusCode::kAborted) == grpc::ABORTED);
static_assert(static_cast<int>(absl::StatusCode::kOutOfRange) == grpc::OUT_OF_RANGE);
static_assert(static_cast<int>(absl::StatusCode::kUnavailable) == grpc::UNAVAILABLE);
static_assert(static_cast<int>(absl::StatusCode::kUnauthenticated) == grpc::UNAUTHENTICATED);

std::string Sendable(const absl::Status& status) {
  const std::string message = ValidUtf8(std::string(status.message()));
  return std::string(Utf8Prefix(message, kMaxMessageBytes));
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) {
    return grpc::Status::OK;
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), Sendable(status));
}

std::string MethodName(const google::protobuf::Message& request) {
  return std::string(absl::StripSuffix(request.GetDescriptor()->name(), "Request"));
}

// Unique in a process for a long time, and unlikely to be met again in the log of its successor.
std::string NextId() {
  static const unsigned process = std::random_device()() & 0xFFFF;
  static std::atomic<unsigned> counter{0};
  return absl::StrFormat("%04x%04x", process, counter.fetch_add(1) & 0xFFFF);
}

// Before the caller's own clock runs out: the answer has to get there.
absl::Time TimeToAnswer(absl::Time deadline) {
  const absl::Duration all = std::max(deadline - absl::Now(), absl::ZeroDuration());
  return deadline - std::min(all / 20, absl::Milliseconds(500));
}

absl::Time DeadlineOf(const grpc::ServerContext* context, absl::Duration otherwise) {
  if (context == nullptr || context->deadline() == std::chrono::system_clock::time_point::max()) {
    return absl::Now() + otherwise;
  }
  return absl::FromChrono(context->deadline());
}

// The calls that Run() is serving now.
class Registry {
 public:
  static Registry& Get() {
    static Registry* const registry = new Registry;  // lives on: threads may outlast main()
    return *registry;
  }
  void Add(const Call* call) {
    absl::MutexLock hold(&mutex_);
    calls_.insert(call);
  }
  void Remove(const Call* call) {
    absl::MutexLock hold(&mutex_);
    calls_.erase(call);
  }
  std::vector<std::string> Describe() {
    absl::MutexLock hold(&mutex_);
    std::vector<std::string> texts;
    for (const Call* call : calls_) {
      texts.push_back(absl::StrCat(call->method(), " ", call->id(), ", ", Progress(*call)));
    }
    std::sort(texts.begin(), texts.end());
    return texts;
  }
  // Of one of them.
  std::string Progress(const std::string& id) {
    absl::MutexLock hold(&mutex_);
    for (const Call* call : calls_) {
      if (call->id() == id) {
        return Progress(*call);
      }
    }
    return "its whole time, at its beginning or its end";
  }

 private:
  static std::string Progress(const Call& call) {
    return absl::StrFormat("%.1f s, at step \"%s\"",
                           absl::ToDoubleSeconds(absl::Now() - call.start()), call.step());
  }

  absl::Mutex mutex_;
  absl::flat_hash_set<const Call*> calls_ ABSL_GUARDED_BY(mutex_);
};

class Registered {
 public:
  explicit Registered(const Call& call) : call_(call) { Registry::Get().Add(&call_); }
  ~Registered() { Registry::Get().Remove(&call_); }
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;

 private:
  const Call& call_;
};

// One place of the cap, or none when all are taken.
class Place {
 public:
  Place(std::atomic<int>& count, int cap) : count_(count), taken_(count.fetch_add(1) < cap) {}
  ~Place() { count_.fetch_sub(1); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool IsTaken() const { return taken_; }

 private:
  std::atomic<int>& count_;
  bool taken_;
};

absl::Status Guarded(const std::function<absl::Status(const Call&)>& handler, const Call& call) {
  constexpr absl::string_view kAdvice = " (what was done is unknown: call again)";
  try {
    return handler(call);
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat(call.method(), ": unexpected exception ", error.what(), kAdvice));
  } catch (...) {
    return absl::UnavailableError(absl::StrCat(call.method(), ": unexpected exception", kAdvice));
  }
}

void LogEnd(const Call& call, const absl::Status& status, const std::string& request,
            spdlog::level::level_enum level_if_ok) {
  const absl::Time now = absl::Now();
  std::string line =
      absl::StrFormat("%s %s %.1fms", call.method(), absl::StatusCodeToString(status.code()),
                      absl::ToDoubleMilliseconds(now - call.start()));
  if (!status.ok()) {
    absl::StrAppend(&line, " ", Sendable(status));
  }
  if (now > call.deadline()) {
    absl::StrAppendFormat(&line, " (deadline passed %.1fs ago",
                          absl::ToDoubleSeconds(now - call.deadline()));
    if (call.slowest_step() != nullptr) {
      absl::StrAppendFormat(&line, "; slowest step \"%s\" %.1fs", call.slowest_step(),
                            absl::ToDoubleSeconds(call.slowest_time()));
    }
    line += ")";
  }
  spdlog::log(status.ok() ? level_if_ok : spdlog::level::warn, "{} {}", line, request);
}

}  // namespace

Border::Arrival Border::Arrive(const grpc::ServerContext* context) const {
  return {.id = NextId(), .deadline = DeadlineOf(context, options_.default_deadline)};
}

grpc::Status Border::RunInTime(grpc::ServerContext* context,
                               std::shared_ptr<const google::protobuf::Message> request,
                               const std::string& key, const Handler& handler) {
  struct Outcome {
    absl::Notification ended;
    grpc::Status status;
  };
  const auto outcome = std::make_shared<Outcome>();
  const Arrival arrival = Arrive(context);
  const std::string method = MethodName(*request);
  try {
    workers_.Start([this, outcome, arrival, request = std::move(request), key, handler] {
      outcome->status = Run(arrival, Kind::kCapped, *request, key, handler);
      outcome->ended.Notify();
    });
  } catch (const std::system_error& error) {
    return ToGrpc(absl::UnavailableError(
        absl::StrCat(method, ": no thread: ", error.what(), " (nothing was done: call again)")));
  }
  if (outcome->ended.WaitForNotificationWithDeadline(TimeToAnswer(arrival.deadline))) {
    return outcome->status;
  }
  const std::string progress = Registry::Get().Progress(arrival.id);
  spdlog::warn("{} {} goes on behind its deadline, {}", arrival.id, method, progress);
  return ToGrpc(absl::DeadlineExceededError(absl::StrCat(
      method, " ", arrival.id, " has not ended after ", progress, " (it goes on: call again)")));
}

grpc::Status Border::Run(const Arrival& arrival, Kind kind,
                         const google::protobuf::Message& request, const std::string& key,
                         const Handler& handler, const uint64_t* messages) {
  const Call call(MethodName(request), arrival.id, arrival.deadline);
  const Registered registered(call);
  const std::string text = Redacted(request);
  spdlog::debug("{} started {}", call.method(), text);
  const absl::Status status =
      kind == Kind::kCapped ? Capped(call, key, handler) : Guarded(handler, call);
  const std::string sent = messages != nullptr ? absl::StrCat(*messages, " messages ") : "";
  LogEnd(call, status, sent + text,
         kind == Kind::kAlways ? spdlog::level::debug : spdlog::level::info);
  return ToGrpc(status);
}

absl::Status Border::Capped(const Call& call, const std::string& key, const Handler& handler) {
  const Place place(in_flight_, options_.max_in_flight);
  if (!place.IsTaken()) {
    return absl::UnavailableError(
        absl::StrCat(call.method(), ": ", options_.max_in_flight,
                     " calls are in flight already, the limit (call again; --max-in-flight raises "
                     "the limit)"));
  }
  if (key.empty()) {
    return Guarded(handler, call);
  }
  const absl::StatusOr<KeyedLock::Guard> guard = locks_.TryAcquire(key, call);
  return guard.ok() ? Guarded(handler, call) : guard.status();
}

std::vector<std::string> CallsInFlight() { return Registry::Get().Describe(); }

}  // namespace rbdcsi
