// A Ceph key in the kernel's keyring, where krbd looks for it (net/ceph/ceph_common.c, get_secret:
// request_key of type "ceph"), instead of `secret=`, which sysfs would show to everyone.
//
// The key is added to the thread keyring of the short-lived child that writes to sysfs, so it is
// gone when the write is done, however it ends, and no other thread or process ever sees it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rbdcsi {

// The payload of the kernel's key: the base64 text of the Ceph key, decoded. INVALID_ARGUMENT
// without repeating the text.
absl::StatusOr<std::string> DecodeCephKey(absl::string_view base64);

struct KeyringEntry {
  std::string description;
  std::string payload;
};

// Adds the key to this thread's keyring. One system call, nothing allocated: usable in a Child.
// 0 or an errno.
int AddToThreadKeyring(const KeyringEntry& entry);

// Overwrites the payload; call when it is no longer needed.
void Wipe(std::string& payload);

}  // namespace rbdcsi
