// Who watches an object: a client that has an image open or mapped watches the image's header.
//
// The C API has no such call without opening the image (13 OSD operations); the C++ API has one (1
// operation), but its header needs C++17 (<rados/librados.hpp> does not compile as C++20 with clang
// 14). So watchers.cc alone is compiled as C++17, and this header keeps to it. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rbdcsi {

struct Watcher {
  std::string address;  // "192.0.2.11:0/123", as the blocklist takes it
  uint64_t client = 0;  // the number of "client.<number>"
};

// `io` is a rados_ioctx_t. 0 or a negative errno.
int ListWatchers(void* io, const std::string& object, std::vector<Watcher>* watchers);

}  // namespace rbdcsi
