// A child process that is this process's own code, for system calls that may hang in the kernel
// (a sysfs write, a mount, while Ceph is away): it can be killed at a deadline, and what cannot
// even be killed can be left behind without holding a thread of ours.
//
// Made without glibc's fork(), so that no fork handler of a library runs. The child closes every
// descriptor but one and is killed when the thread that made it dies (and so when this process
// does): nobody maps or formats on behalf of a daemon that is gone. gRPC ends threads that are
// idle, so what is to outlast the call that made it says so (StartAlone). Any thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "node/unique_fd.h"

namespace rbdcsi {

class Child {
 public:
  // `act` runs in the child and may only make system calls on what was prepared before: no memory
  // is allocated, no lock taken. What it returns (0..255, an errno by custom) is the exit code.
  // Before anything that takes time it must call CloseDescriptors (below): Start returns when it
  // has.
  static absl::StatusOr<Child> Start(absl::FunctionRef<int()> act);
  // The same, but it goes on when the thread that made it ends: for an act that only looks, and
  // whose answer a later call may fetch. It also goes on when this process dies.
  static absl::StatusOr<Child> StartAlone(absl::FunctionRef<int()> act);
  // As Start, without a copy of this process's memory, which costs more than most acts do. `act`
  // owns all that it uses; it is kept until the child is dead, however late that is. A buffer that
  // the kernel fills behind our back (direct I/O) belongs into it too.
  static absl::StatusOr<Child> StartInOurMemory(std::function<int()> act);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();  // kills it if it still runs

  int pidfd() const { return pidfd_.get(); }
  // The exit code. EINTR: killed by a signal. DEADLINE_EXCEEDED: it was killed at the deadline; if
  // it is stuck in the kernel it dies when the kernel lets go.
  absl::StatusOr<int> Wait(absl::Time deadline);
  void Kill();

 private:
  Child(pid_t pid, UniqueFd pidfd, std::shared_ptr<void> in_use)
      : pid_(pid), pidfd_(std::move(pidfd)), in_use_(std::move(in_use)) {}
  static absl::StatusOr<Child> Begin(absl::FunctionRef<pid_t(int* pidfd)> make,
                                     std::shared_ptr<void> in_use);
  bool Reap();
  pid_t pid_;
  UniqueFd pidfd_;
  std::shared_ptr<void> in_use_;  // of our memory, by the child
  int code_ = -1;
};

// In a child: closes all descriptors from 3 on, but `keep` (-1: none).
void CloseDescriptors(int keep);

struct BoundedCall {
  absl::Time deadline;
  int keep_fd = -1;  // a descriptor that `act` uses
};

// StartInOurMemory, close, act, wait: the errno that `act` returned (0: done), or
// DEADLINE_EXCEEDED.
absl::StatusOr<int> RunBounded(const BoundedCall& call, std::function<int()> act);

}  // namespace rbdcsi
