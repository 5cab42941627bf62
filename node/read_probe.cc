#include "node/read_probe.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "node/child.h"

namespace rbdcsi {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(3);

// Not the device's fault: this process was refused something, or its child was killed.
bool IsOurOwn(int error) {
  return error == EBUSY || error == ENOMEM || error == EMFILE || error == ENFILE || error == EINTR;
}

// Runs in a child of its own memory, which may outlive this call and its thread: system calls only.
std::function<int()> Ask(const MappedDevice& device) {
  struct alignas(4096) Page {
    std::array<char, 4096> bytes;
  };
  const std::string refresh = absl::StrCat("/sys/bus/rbd/devices/", device.id, "/refresh");
  return [path = device.path, refresh, page = std::make_shared<Page>()] {
    CloseDescriptors(-1);
    const int fd = open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (fd < 0) {
      return errno;
    }
    char* bytes = page->bytes.data();
    const int error = pread(fd, bytes, page->bytes.size(), 0) < 0 ? errno : 0;
    const bool data = bytes[0] != 0 || std::memcmp(bytes, bytes + 1, page->bytes.size() - 1) != 0;
    if (error == 0 && data) {
      return 0;
    }
    const int header = open(refresh.c_str(), O_WRONLY | O_CLOEXEC);
    if (header < 0) {
      return ENXIO;
    }
    return write(header, "1", 1) < 0 ? errno : error;
  };
}

}  // namespace

struct ReadProbe::Pending {
  absl::Mutex busy;
  std::optional<Child> child ABSL_GUARDED_BY(busy);  // a read without an answer yet
  absl::Time began ABSL_GUARDED_BY(busy);
};

std::shared_ptr<ReadProbe::Pending> ReadProbe::Enter(const std::string& key) {
  const absl::MutexLock lock(&mutex_);
  std::shared_ptr<Pending>& pending = pending_[key];
  if (pending == nullptr) {
    pending = std::make_shared<Pending>();
  }
  return pending;
}

// Nothing is under way, so there is nothing to remember.
void ReadProbe::Leave(const std::string& key) {
  const absl::MutexLock lock(&mutex_);
  pending_.erase(key);
}

ReadAnswer ReadProbe::Read(const std::string& key, const MappedDevice& device) {
  const std::shared_ptr<Pending> pending = Enter(key);
  const absl::MutexLock lock(&pending->busy);
  if (pending->child.has_value() && !pending->child->Wait(absl::Now()).ok()) {
    return {.result = ReadResult::kSilent, .time = absl::Now() - pending->began};
  }
  // What an earlier read said at last is old by now: ask again.
  pending->child.reset();
  pending->began = absl::Now();
  absl::StatusOr<Child> child = Child::StartAlone(Ask(device));
  if (!child.ok()) {
    Leave(key);
    return {.result = ReadResult::kNotTried, .error = EAGAIN};
  }
  const absl::StatusOr<int> error = child->Wait(pending->began + kPatience);
  const absl::Duration time = absl::Now() - pending->began;
  if (!error.ok()) {
    pending->child.emplace(*std::move(child));
    return {.result = ReadResult::kSilent, .time = time};
  }
  Leave(key);
  if (*error == 0) {
    return {.result = ReadResult::kRead, .time = time};
  }
  return {.result = IsOurOwn(*error) ? ReadResult::kNotTried : ReadResult::kFailed,
          .error = *error,
          .time = time};
}

}  // namespace rbdcsi
