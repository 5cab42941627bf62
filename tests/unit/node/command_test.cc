#include "node/command.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <memory>
#include <numeric>
#include <optional>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "node/child.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

absl::StatusOr<CommandResult> Run(const std::vector<std::string>& argv,
                                  absl::Duration time = absl::Seconds(20)) {
  return RunCommand(argv, absl::Now() + time);
}

}  // namespace

TEST_CASE("a program's exit code and words come back") {
  const absl::StatusOr<CommandResult> result =
      Run({"bash", "-c", "echo out; echo err >&2; printf 'a\\033[1mb\\n'; exit 3"});
  REQUIRE(result.ok());
  CHECK(result->exit_code == 3);
  CHECK(result->output == "out err a [1mb");
}

TEST_CASE("arguments reach the program as they are") {
  const absl::StatusOr<CommandResult> result = Run({"printf", "%s|", "a b", "$(id)", ";", "*"});
  REQUIRE(result.ok());
  CHECK(result->output == "a b|$(id)|;|*|");
}

TEST_CASE("a program starts without environment, descriptors and input") {
  const UniqueFd open_file(open("/dev/null", O_RDONLY));  // without O_CLOEXEC, on purpose
  const absl::StatusOr<CommandResult> environment = Run({"env"});
  REQUIRE(environment.ok());
  CHECK(environment->output.empty());
  // ls has its own descriptor of the directory besides the three.
  const absl::StatusOr<CommandResult> descriptors = Run({"ls", "/proc/self/fd"});
  REQUIRE(descriptors.ok());
  CHECK(descriptors->output == "0 1 2 3");
  CHECK(Run({"cat"})->exit_code == 0);
}

TEST_CASE("a program that takes too long is killed") {
  const absl::Time start = absl::Now();
  const absl::StatusOr<CommandResult> result = Run({"sleep", "30"}, absl::Milliseconds(200));
  CHECK(absl::IsDeadlineExceeded(result.status()));
  CHECK(absl::Now() - start < absl::Seconds(5));
}

TEST_CASE("a program that says too much is heard in part and does not block") {
  const absl::StatusOr<CommandResult> result = Run({"seq", "1", "200000"});
  REQUIRE(result.ok());
  CHECK(result->exit_code == 0);
  CHECK(result->output.size() <= kMaxOutput);
  CHECK(absl::StartsWith(result->output, "1 2 3 "));
}

TEST_CASE("a program that is not there is named") {
  const absl::Status status = Run({"mkfs.nothing"}).status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(absl::StrContains(status.message(), "mkfs.nothing"));
}

TEST_CASE("a child says how its system call ended") {
  const absl::Time soon = absl::Now() + absl::Seconds(5);
  CHECK(*RunBounded({.deadline = soon}, [] { return 0; }) == 0);
  CHECK(*RunBounded({.deadline = soon}, [] { return rmdir("/proc") == 0 ? 0 : errno; }) == EBUSY);
}

TEST_CASE("a child keeps the one descriptor it was given") {
  const UniqueFd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
  const UniqueFd other(open("/dev/null", O_WRONLY | O_CLOEXEC));
  const absl::StatusOr<int> result = RunBounded(
      {.deadline = absl::Now() + absl::Seconds(5), .keep_fd = null.get()},
      [&] { return write(null.get(), "x", 1) == 1 && write(other.get(), "x", 1) < 0 ? 0 : 1; });
  REQUIRE(result.ok());
  CHECK(*result == 0);
}

TEST_CASE("a child that hangs is given up at the deadline") {
  const absl::Time start = absl::Now();
  CHECK(absl::IsDeadlineExceeded(RunBounded({.deadline = start + absl::Milliseconds(100)}, [] {
                                   while (true) {
                                     pause();
                                   }
                                   return 0;
                                 }).status()));
  CHECK(absl::Now() - start < absl::Seconds(3));
}

TEST_CASE("what a child uses is let go when the child is dead, at its end or by the deadline") {
  const auto data = std::make_shared<int>(7);
  CHECK(*RunBounded({.deadline = absl::Now() + absl::Seconds(5)}, [data] { return *data; }) == 7);
  CHECK(data.use_count() == 1);
  const absl::Time soon = absl::Now() + absl::Milliseconds(50);
  CHECK_FALSE(RunBounded({.deadline = soon}, [data] {
                while (true) {
                  pause();
                }
                return *data;
              }).ok());
  CHECK(data.use_count() == 1);
}

TEST_CASE("a child on its own goes on when the thread that made it ends, another does not") {
  const auto act = [] {
    CloseDescriptors(-1);
    const timespec moment{.tv_sec = 0, .tv_nsec = 300'000'000};
    nanosleep(&moment, nullptr);
    return 7;
  };
  std::optional<Child> alone;
  std::optional<Child> bound;
  std::thread([&] {
    alone.emplace(*Child::StartAlone(act));
    bound.emplace(*Child::Start(act));
  }).join();
  CHECK(*alone->Wait(absl::Now() + absl::Seconds(5)) == 7);
  CHECK(*bound->Wait(absl::Now() + absl::Seconds(5)) == EINTR);
}

TEST_CASE("children of many threads each bring back their own answer") {
  std::array<int, 8> wrong{};
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < wrong.size(); ++i) {
      threads.emplace_back([&mine = wrong[i], i] {
        for (int round = 0; round < 25; ++round) {
          const bool fails = (round + i) % 2 == 0;
          const absl::StatusOr<int> result = RunBounded(
              {.deadline = absl::Now() + absl::Seconds(30)},
              [fails] { return rmdir(fails ? "/proc" : "/nowhere/at/all") == 0 ? 0 : errno; });
          mine += result.ok() && *result == (fails ? EBUSY : ENOENT) ? 0 : 1;
        }
      });
    }
  }
  CHECK(std::accumulate(wrong.begin(), wrong.end(), 0) == 0);
}

}  // namespace rbdcsi
