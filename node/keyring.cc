#include "node/keyring.h"

#include <linux/keyctl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/escaping.h"

namespace rbdcsi {

absl::StatusOr<std::string> DecodeCephKey(absl::string_view base64) {
  std::string payload;
  // A key's header alone (type, time, length) is 12 bytes: src/auth/Crypto.h, CryptoKey.
  if (!absl::Base64Unescape(base64, &payload) || payload.size() <= 12) {
    return absl::InvalidArgumentError(
        "Ceph key: not what `ceph auth get-key` prints (check userKey)");
  }
  return payload;
}

int AddToThreadKeyring(const KeyringEntry& entry) {
  return syscall(SYS_add_key, "ceph", entry.description.c_str(), entry.payload.data(),
                 entry.payload.size(), KEY_SPEC_THREAD_KEYRING) < 0
             ? errno
             : 0;
}

void Wipe(std::string& payload) {
  explicit_bzero(payload.data(), payload.size());
  payload.clear();
}

}  // namespace rbdcsi
