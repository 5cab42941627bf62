#include "tests/unit/node/scratch.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "absl/time/clock.h"
#include "node/command.h"
#include "tests/catch.h"

namespace rbdcsi {

Scratch::Scratch() {
  std::string name = "/tmp/rbdcsi-unit-XXXXXX";
  REQUIRE(mkdtemp(name.data()) != nullptr);
  path_ = name;
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
  for (size_t slash = name.find('/'); slash != std::string::npos;
       slash = name.find('/', slash + 1)) {
    Directory(name.substr(0, slash));
  }
  std::string path = path_ + "/" + name;
  if (std::find(made_.begin(), made_.end(), path) == made_.end()) {
    made_.push_back(path);
  }
  return path;
}

std::string Scratch::Directory(const std::string& name) {
  std::string path = path_ + "/" + name;
  if (std::find(made_.begin(), made_.end(), path) == made_.end()) {
    if (const size_t slash = name.rfind('/'); slash != std::string::npos) {
      Directory(name.substr(0, slash));
    }
    made_.push_back(path);
    REQUIRE(mkdir(path.c_str(), 0700) == 0);
  }
  return path;
}

std::string Scratch::File(const std::string& name, std::string_view text) {
  std::string path = Add(name);
  std::ofstream(path) << text;
  return path;
}

std::string Scratch::Symlink(const std::string& name, const std::string& to) {
  std::string path = Add(name);
  REQUIRE(symlink(to.c_str(), path.c_str()) == 0);
  return path;
}

std::string Scratch::Blank(const std::string& name, uint64_t bytes) {
  std::string path = File(name, "");
  REQUIRE(truncate(path.c_str(), static_cast<off_t>(bytes)) == 0);
  return path;
}

void Write(const std::string& path, uint64_t offset, std::string_view text) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  file << text << std::flush;
  REQUIRE(file.good());
}

std::string Read(const std::string& path, uint64_t offset, size_t bytes) {
  std::ifstream file(path, std::ios::binary);
  std::string text(bytes, '\0');
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(text.data(), static_cast<std::streamsize>(bytes));
  REQUIRE(file.good());
  return text;
}

void MustRun(const std::vector<std::string>& argv) {
  const absl::StatusOr<CommandResult> result = RunCommand(argv, absl::Now() + absl::Minutes(1));
  INFO(argv.at(0) << ": " << result.status() << (result.ok() ? result->output : ""));
  REQUIRE(result.ok());
  REQUIRE(result->exit_code == 0);
}

}  // namespace rbdcsi
