// Loads a kernel module without kmod and without /lib/modules, neither of which a container has.
//
// The kernel itself runs the host's modprobe when a process with CAP_SYS_MODULE asks for a network
// interface that does not exist (net/core/dev_ioctl.c, dev_load): the name is tried as a module's.
// The kernel notes that as deprecated, once. Any thread; returns when modprobe has ended.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace rbdcsi {

struct KernelModule {
  std::string name;   // at most 15 characters, as an interface's
  std::string shows;  // the file or directory that is there when the module is
};

// FAILED_PRECONDITION: it is not there afterwards either.
absl::Status LoadKernelModule(const KernelModule& module);

}  // namespace rbdcsi
