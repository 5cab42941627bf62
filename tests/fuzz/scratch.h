// A directory of a fuzzer's own, below $TMPDIR or /tmp.
//
// What was made through it is removed again, one thing at a time, when the process ends well. After
// a crash it stays; `fuzz run` gives each fuzzer a $TMPDIR and removes that. One thread.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace rbdcsi::fuzz {

class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }  // without symlinks
  // Paths below the directory; their parents have to be there. What is there already is replaced,
  // but for directories.
  std::string Directory(const std::string& name);
  std::string File(const std::string& name, std::string_view text);
  std::string Symlink(const std::string& name, const std::string& to);
  void Remove(const std::string& name);  // a file, if it is there

 private:
  std::string Add(const std::string& name);
  std::string path_;
  std::set<std::string> made_;  // in this order a directory comes before what is in it
};

}  // namespace rbdcsi::fuzz
