// What the tests need of the operating system: a directory of their own, a child process with its
// stderr in a file, and this process's stderr for a while. One thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace rbdcsi {

// Removed at the end, with the files in it (no directories below).
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void WriteFile(const std::string& path, const std::string& text);
std::string ReadFile(const std::string& path);

// A program with its stderr in a file; killed and waited for at the end if it still runs.
class Process {
 public:
  struct Command {
    std::vector<std::string> argv;
    std::string stderr_path;
  };
  explicit Process(const Command& command);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // The exit code, or -signal when a signal ended it. Blocks.
  int Wait();

 private:
  pid_t pid_ = -1;  // -1: waited for
};

// While it lives, what this process writes to stderr goes to a file.
class StderrCapture {
 public:
  explicit StderrCapture(const std::string& path);
  ~StderrCapture();
  StderrCapture(const StderrCapture&) = delete;
  StderrCapture& operator=(const StderrCapture&) = delete;

 private:
  int saved_;
};

}  // namespace rbdcsi
