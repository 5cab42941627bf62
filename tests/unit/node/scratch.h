// A directory of its own for a test case, and what tests put into it. Everything made through it is
// removed again, one thing at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rbdcsi {

class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }
  // Paths below the scratch directory; parents are made.
  std::string Directory(const std::string& name);
  std::string File(const std::string& name, std::string_view text);
  std::string Symlink(const std::string& name, const std::string& to);
  // A sparse file of zeros: a blank device.
  std::string Blank(const std::string& name, uint64_t bytes);

 private:
  std::string Add(const std::string& name);
  std::string path_;
  std::vector<std::string> made_;
};

// Overwrites part of a file. Fails the test if it cannot.
void Write(const std::string& path, uint64_t offset, std::string_view text);
std::string Read(const std::string& path, uint64_t offset, size_t bytes);

// Runs a program that must succeed.
void MustRun(const std::vector<std::string>& argv);

}  // namespace rbdcsi
