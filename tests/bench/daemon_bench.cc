#include "tests/bench/daemon_bench.h"

#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "csi/status.h"
#include "tests/bench/csi_client.h"
#include "tests/bench/measure.h"
#include "tests/bench/report.h"

namespace rbdcsi {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr absl::Duration kIdle = absl::Seconds(2);

bool Accepts(const std::string& path) {
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const bool accepted =
      connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(probe);
  return accepted;
}

absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), environ);
  if (error != 0) {
    return ErrnoStatus(absl::StatusCode::kNotFound, error, absl::StrCat("start ", argv[0]));
  }
  return pid;
}

// Leaves the zombie, so that the pid stays ours until the end.
bool HasEnded(pid_t pid) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid;
}

// gRPC pauses after a refused connection, so it is not asked before the socket accepts.
absl::Status WaitForProbe(const std::string& socket, pid_t pid) {
  const absl::Time end = absl::Now() + kPatience;
  while (!Accepts(socket)) {
    if (HasEnded(pid) || absl::Now() > end) {
      return absl::UnavailableError(
          absl::StrCat("wait for ", socket, ": the daemon ended, or does not listen"));
    }
    absl::SleepFor(absl::Microseconds(200));
  }
  return CsiClient(socket).Probe();
}

absl::StatusOr<double> ResidentMib(pid_t pid) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    double kib = 0;
    if (words.size() > 1 && words[0] == "VmRSS:" && absl::SimpleAtod(words[1], &kib)) {
      return kib / 1024;
    }
  }
  return absl::NotFoundError(absl::StrCat("read VmRSS of process ", pid, ": it has ended"));
}

struct Start {
  double to_probe_ms = 0;
  double resident_mib = 0;
};

absl::StatusOr<Start> StartOnce(const DaemonBench& bench) {
  Start start;
  const absl::Time begin = absl::Now();
  ASSIGN_OR_RETURN(const pid_t pid, Spawn(bench.argv));
  absl::Cleanup end = [pid] {
    kill(pid, SIGTERM);
    waitpid(pid, nullptr, 0);
  };
  RETURN_IF_ERROR(WaitForProbe(bench.socket, pid));
  start.to_probe_ms = absl::ToDoubleMilliseconds(absl::Now() - begin);
  absl::SleepFor(kIdle);
  ASSIGN_OR_RETURN(start.resident_mib, ResidentMib(pid));
  return start;
}

}  // namespace

absl::Status RunDaemonBench(const DaemonBench& bench) {
  std::vector<double> to_probe_ms;
  std::vector<double> resident_mib;
  for (int i = 0; i < bench.starts; ++i) {
    ASSIGN_OR_RETURN(const Start start, StartOnce(bench));
    to_probe_ms.push_back(start.to_probe_ms);
    resident_mib.push_back(start.resident_mib);
  }
  PrintValue(absl::StrCat("start_to_probe_", bench.name, "_ms"), Percentile(to_probe_ms, 0.5));
  PrintValue(absl::StrCat("idle_rss_", bench.name, "_mib"), Percentile(resident_mib, 0.5));
  return absl::OkStatus();
}

}  // namespace rbdcsi
