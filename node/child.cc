#include "node/child.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>
#include <vector>

#include "absl/base/const_init.h"
#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

// A killed child ends at its next return from the kernel; a hung device may keep it longer.
constexpr absl::Duration kDyingTime = absl::Seconds(1);

// Held from clone3() until the child has closed the descriptors it inherited. Without it, a child
// made for one volume keeps, for a moment, what another thread has just closed, and that thread's
// unmount or mkfs (which start here too, and so wait) finds its mount or device busy.
ABSL_CONST_INIT absl::Mutex start_mutex(absl::kConstInit);

ABSL_CONST_INIT absl::Mutex stuck_mutex(absl::kConstInit);
// Killed, but not dead yet; collected whenever another child is made.
struct StuckChild {
  pid_t pid;
  std::shared_ptr<void> in_use;
};
std::vector<StuckChild>& Stuck() ABSL_EXCLUSIVE_LOCKS_REQUIRED(stuck_mutex) {
  static auto* stuck = new std::vector<StuckChild>;
  return *stuck;
}

void CollectStuck() {
  const absl::MutexLock lock(&stuck_mutex);
  std::erase_if(Stuck(),
                [](const StuckChild& child) { return waitpid(child.pid, nullptr, WNOHANG) != 0; });
}

// In the child. The parent may have died between the clone and the prctl.
void DieWith(pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
    _exit(ECHILD);
  }
}

// What a child that has no memory of its own runs on. It also shares the errno of the thread that
// made it; until the child is dead that thread only polls, with no signal handler to interrupt it.
struct Loan {
  pid_t parent;
  std::function<int()> act;
  alignas(16) std::array<char, size_t{64} * 1024> stack;
};

int RunOnLoan(void* argument) {
  auto* loan = static_cast<Loan*>(argument);
  DieWith(loan->parent);
  _exit(loan->act());
}

// The sanitizers keep books on each thread: they would take a child in our memory for the thread
// that made it, and have locks of their own that only glibc's fork() sets right.
#ifdef RBDCSI_SANITIZED
constexpr bool kMayShareMemory = false;

pid_t ForkWithDescriptor(int* pidfd) {
  const pid_t pid = fork();
  if (pid > 0) {
    *pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  }
  return pid;
}
#else
constexpr bool kMayShareMemory = true;

pid_t ForkWithDescriptor(int* pidfd) {
  clone_args args{};
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uintptr_t>(pidfd);
  args.exit_signal = SIGCHLD;
  return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof(args)));
}
#endif

bool WaitReadable(int fd, absl::Time deadline) {
  while (true) {
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    const int64_t left =
        std::min<int64_t>(absl::ToInt64Milliseconds(deadline - absl::Now()), 1 << 30) + 1;
    const int ready = poll(&entry, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready > 0) {
      return true;
    }
    if (ready == 0 && absl::Now() >= deadline) {
      return false;
    }
  }
}

}  // namespace

void CloseDescriptors(int keep) {
  if (keep < 3) {
    syscall(SYS_close_range, 3U, ~0U, 0U);
    return;
  }
  if (keep > 3) {
    syscall(SYS_close_range, 3U, static_cast<unsigned>(keep - 1), 0U);
  }
  syscall(SYS_close_range, static_cast<unsigned>(keep + 1), ~0U, 0U);
}

absl::StatusOr<Child> Child::Start(absl::FunctionRef<int()> act) {
  const pid_t parent = getpid();
  return StartAlone([&] {
    DieWith(parent);
    return act();
  });
}

absl::StatusOr<Child> Child::StartAlone(absl::FunctionRef<int()> act) {
  return Begin(
      [&](int* pidfd) {
        const pid_t pid = ForkWithDescriptor(pidfd);
        if (pid == 0) {
          _exit(act());
        }
        return pid;
      },
      nullptr);
}

absl::StatusOr<Child> Child::StartInOurMemory(std::function<int()> act) {
  if (!kMayShareMemory) {
    return Start(act);
  }
  const std::shared_ptr<Loan> loan(new Loan);  // not make_shared, which would zero the stack
  loan->parent = getpid();
  loan->act = std::move(act);
  return Begin(
      [&](int* pidfd) {
        return clone(&RunOnLoan, loan->stack.data() + loan->stack.size(),
                     CLONE_VM | CLONE_PIDFD | SIGCHLD, loan.get(), pidfd);
      },
      loan);
}

absl::StatusOr<Child> Child::Begin(absl::FunctionRef<pid_t(int*)> make,
                                   std::shared_ptr<void> in_use) {
  CollectStuck();
  const absl::MutexLock lock(&start_mutex);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return ErrnoStatus(absl::StatusCode::kUnavailable, errno, "start child process");
  }
  const UniqueFd closed(ends[0]);  // at its end when nobody has the other one any more
  UniqueFd inherited(ends[1]);
  int pidfd = -1;
  const pid_t pid = make(&pidfd);
  if (pid < 0) {
    return ErrnoStatus(absl::StatusCode::kUnavailable, errno, "start child process");
  }
  inherited.Close();
  WaitReadable(closed.get(), absl::InfiniteFuture());
  return Child(pid, UniqueFd(pidfd), std::move(in_use));
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      in_use_(std::move(other.in_use_)),
      code_(other.code_) {}

Child::~Child() {
  if (pid_ > 0) {
    Kill();
    if (!WaitReadable(pidfd_.get(), absl::Now() + kDyingTime) || !Reap()) {
      const absl::MutexLock lock(&stuck_mutex);
      Stuck().push_back({.pid = pid_, .in_use = std::move(in_use_)});
    }
  }
}

void Child::Kill() { syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0U); }

bool Child::Reap() {
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) {
    return false;
  }
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
  pid_ = -1;
  return true;
}

absl::StatusOr<int> Child::Wait(absl::Time deadline) {
  while (pid_ > 0) {
    if (!WaitReadable(pidfd_.get(), deadline)) {
      return absl::DeadlineExceededError("the kernel did not answer in time");
    }
    Reap();
  }
  return code_;
}

absl::StatusOr<int> RunBounded(const BoundedCall& call, std::function<int()> act) {
  absl::StatusOr<Child> child =
      Child::StartInOurMemory([keep = call.keep_fd, act = std::move(act)] {
        CloseDescriptors(keep);
        return act();
      });
  if (!child.ok()) {
    return child.status();
  }
  return child->Wait(call.deadline);
}

}  // namespace rbdcsi
