#include "csi/server.h"

#include <grpcpp/grpcpp.h>
#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "csi/rpc.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

sigset_t TerminationSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

// 0, or the errno of connecting: ECONNREFUSED means that the file outlived its server.
int TryConnect(const std::string& path) {
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) {
    return errno;
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int error =
      connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
  close(probe);
  return error;
}

absl::Status RemoveDeadSocket(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus()
                           : ErrnoStatus(absl::StatusCode::kFailedPrecondition, errno,
                                         absl::StrCat("serve on ", path));
  }
  if (!S_ISSOCK(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat("serve on ", path, ": something else is there (move it away)"));
  }
  // EAGAIN is a server with a full backlog.
  if (const int error = TryConnect(path); error != ECONNREFUSED && error != ENOENT) {
    return absl::FailedPreconditionError(
        absl::StrCat("serve on ", path, ": another process answers there",
                     error == 0 ? "" : absl::StrCat(" or may do (", ErrnoText(error), ")"),
                     " (stop it first, or use another --endpoint)"));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(absl::StatusCode::kFailedPrecondition, errno,
                       absl::StrCat("remove the dead socket ", path));
  }
  return absl::OkStatus();
}

absl::Status CheckDirectory(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  struct stat info {};
  if (stat(directory.c_str(), &info) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("serve on ", path, ": directory ", directory, ": ", ErrnoText(errno),
                     " (create it, or mount the socket's volume there)"));
  }
  return absl::OkStatus();
}

std::unique_ptr<grpc::Server> Start(const std::string& endpoint,
                                    const std::vector<grpc::Service*>& services) {
  grpc::ServerBuilder builder;
  // gRPC spreads a server over all cores; a socket with a handful of sidecars needs one queue and
  // one thread that waits on it (handlers get threads of their own when they come).
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  int bound = 0;
  builder.AddListeningPort(endpoint, grpc::InsecureServerCredentials(), &bound);
  for (grpc::Service* service : services) {
    builder.RegisterService(service);
  }
  // gRPC binds in here, and a socket's mode is what the umask leaves of 0777.
  const mode_t before = umask(0177);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  umask(before);
  return bound != 0 ? std::move(server) : nullptr;
}

// The threads of what is left still use objects that main() owns, so nothing may be destroyed any
// more. Ending here is as safe as a kill, which every call survives.
[[noreturn]] void LeaveBehind() {
  for (const std::string& call : CallsInFlight()) {
    spdlog::warn("stopping without waiting for {}", call);
  }
  spdlog::default_logger()->flush();
  _exit(0);
}

void Drain(grpc::Server& server, absl::Duration drain) {
  constexpr absl::Duration kTick = absl::Milliseconds(20);
  constexpr absl::Duration kGrace = absl::Milliseconds(500);  // for calls that end when cancelled
  const absl::Time deadline = absl::Now() + drain;
  const sigset_t signals = TerminationSignals();
  absl::Notification stopped;
  std::thread stopper([&] {
    server.Shutdown(absl::ToChronoTime(deadline));
    stopped.Notify();
  });
  const timespec no_wait{};
  // A call may have been answered and go on (csi/rpc.h).
  for (; !stopped.HasBeenNotified() || !CallsInFlight().empty(); absl::SleepFor(kTick)) {
    if (sigtimedwait(&signals, nullptr, &no_wait) > 0 || absl::Now() > deadline + kGrace) {
      LeaveBehind();
    }
  }
  stopper.join();
}

}  // namespace

void BlockTerminationSignals() {
  const sigset_t signals = TerminationSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

absl::Status RunServer(const ServerOptions& options, const std::vector<grpc::Service*>& services) {
  if (!absl::StartsWith(options.endpoint, "unix:///")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "endpoint ", options.endpoint, ": not a unix socket (use unix:///absolute/path.sock)"));
  }
  const std::string path(absl::StripPrefix(options.endpoint, "unix://"));
  RETURN_IF_ERROR(CheckDirectory(path));
  RETURN_IF_ERROR(RemoveDeadSocket(path));
  const std::unique_ptr<grpc::Server> server = Start(options.endpoint, services);
  if (server == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("serve on ", path, ": bind failed (see gRPC's message above)"));
  }
  spdlog::info("serving on {}", options.endpoint);
  const sigset_t signals = TerminationSignals();
  int signal = 0;
  sigwait(&signals, &signal);
  spdlog::info("signal {}: draining {} calls, at most {}", signal, CallsInFlight().size(),
               absl::FormatDuration(options.drain));
  Drain(*server, options.drain);
  return absl::OkStatus();
}

}  // namespace rbdcsi
