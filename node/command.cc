#include "node/command.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "csi/status.h"
#include "node/child.h"
#include "node/unique_fd.h"

namespace rbdcsi {
namespace {

absl::StatusOr<std::string> FindProgram(const std::string& name) {
  if (name.starts_with('/')) {
    return name;
  }
  for (const char* directory : {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"}) {
    std::string path = absl::StrCat(directory, name);
    if (access(path.c_str(), X_OK) == 0) {
      return path;
    }
  }
  return absl::FailedPreconditionError(
      absl::StrCat("run ", name, ": the program is not installed (add it to the node's image)"));
}

// Runs in the child: system calls only.
int Execute(char* const* argv, int output) {
  const int null = open("/dev/null", O_RDONLY);
  if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) {
    return 126;
  }
  // A program starts with a clean slate, whatever signals the daemon has blocked.
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  CloseDescriptors(-1);
  std::array<char*, 1> no_environment{nullptr};
  execve(argv[0], argv, no_environment.data());
  return 127;
}

// Until the writer closes its end or the deadline passes. What does not fit is read and dropped, or
// the program would block on a full pipe.
std::string ReadCapped(int fd, absl::Time deadline) {
  std::string text;
  std::array<char, 1024> buffer;
  while (absl::Now() < deadline) {
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now()) + 1;
    if (poll(&entry, 1, static_cast<int>(std::min<int64_t>(left, 1 << 30))) <= 0) {
      continue;
    }
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got == 0 || (got < 0 && errno != EINTR)) {
      break;
    }
    if (got > 0) {
      const size_t room = kMaxOutput - std::min(kMaxOutput, text.size());
      text.append(buffer.data(), std::min(room, static_cast<size_t>(got)));
    }
  }
  return text;
}

std::string Printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return absl::ascii_iscntrl(c); }, ' ');
  absl::RemoveExtraAsciiWhitespace(&text);
  return text;
}

}  // namespace

absl::StatusOr<CommandResult> RunCommand(const std::vector<std::string>& argv,
                                         absl::Time deadline) {
  ASSIGN_OR_RETURN(std::string program, FindProgram(argv.at(0)));
  std::vector<std::string> words = argv;
  words[0] = program;
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);

  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return ErrnoStatus(absl::StatusCode::kUnavailable, errno, absl::StrCat("run ", program));
  }
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  absl::StatusOr<Child> child =
      Child::Start([&] { return Execute(pointers.data(), writer.get()); });
  if (!child.ok()) {
    return child.status();
  }
  writer.Close();
  CommandResult result;
  result.output = Printable(ReadCapped(reader.get(), deadline));
  absl::StatusOr<int> code = child->Wait(deadline);
  if (!code.ok()) {
    return absl::DeadlineExceededError(absl::StrCat(
        "run ", program, ": killed, it did not end in time; it said: ", result.output));
  }
  result.exit_code = *code;
  return result;
}

}  // namespace rbdcsi
