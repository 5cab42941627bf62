#include "tests/fuzz/scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "node/unique_fd.h"
#include "tests/fuzz/fuzz.h"

namespace rbdcsi::fuzz {

Scratch::Scratch() {
  const char* parent = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): one thread
  std::string name = std::string(parent != nullptr ? parent : "/tmp") + "/rbd-csi-fuzz-XXXXXX";
  HOLDS(mkdtemp(name.data()) != nullptr);
  std::array<char, PATH_MAX> real{};
  HOLDS(realpath(name.c_str(), real.data()) != nullptr);
  path_ = real.data();
}

Scratch::~Scratch() {
  std::for_each(made_.rbegin(), made_.rend(), [](const std::string& made) {
    if (unlink(made.c_str()) != 0) {
      rmdir(made.c_str());
    }
  });
  rmdir(path_.c_str());
}

std::string Scratch::Add(const std::string& name) {
  return *made_.insert(path_ + "/" + name).first;
}

std::string Scratch::Directory(const std::string& name) {
  std::string path = Add(name);
  HOLDS(mkdir(path.c_str(), 0700) == 0 || errno == EEXIST);
  return path;
}

std::string Scratch::File(const std::string& name, std::string_view text) {
  std::string path = Add(name);
  // Cut after writing: ext4 puts a file that is emptied and filled again on the disk at once.
  const auto size = static_cast<ssize_t>(text.size());
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  HOLDS(fd.valid() && write(fd.get(), text.data(), text.size()) == size &&
        ftruncate(fd.get(), size) == 0);
  return path;
}

std::string Scratch::Symlink(const std::string& name, const std::string& to) {
  Remove(name);
  std::string path = Add(name);
  HOLDS(symlink(to.c_str(), path.c_str()) == 0);
  return path;
}

void Scratch::Remove(const std::string& name) {
  HOLDS(unlink((path_ + "/" + name).c_str()) == 0 || errno == ENOENT);
}

}  // namespace rbdcsi::fuzz
