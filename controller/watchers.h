// One read of one object with its watchers in it: a client that has an image open or mapped watches
// the image's header.
//
// The C API lists watchers only of an open image (13 OSD operations), and cannot put them into a
// compound read; the C++ API can (1 operation for everything), but its header needs C++17
// (<rados/librados.hpp> does not compile as C++20 with clang 14). So watchers.cc alone is compiled
// as C++17, and this header keeps to it. Results are 0 or a negative errno. Any thread; waits end
// after rados_osd_op_timeout.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

namespace rbdcsi {

struct Watcher {
  std::string address;  // "192.0.2.11:0/123", as the blocklist takes it
  uint64_t client = 0;  // the number of "client.<number>"
  uint64_t handle = 0;  // of the watch, for the client itself
};

struct ClassCall {
  const char* object_class;
  const char* method;
  std::string input;
};

// What to read of an object, all at one moment. ENOENT when it does not exist.
struct ObjectRead {
  std::vector<ClassCall> calls;
  std::string omap_key;
};

struct ObjectReply {
  int result = 0;
  time_t changed = 0;                // by the clock of the client that wrote it
  uint64_t version = 0;              // of the object: every change but a watch makes it another
  std::vector<std::string> replies;  // of the calls, in their order
  std::string omap_value;            // empty: no such key
  std::vector<Watcher> watchers;
};

// `io` is a rados_ioctx_t in all of these.
ObjectReply ReadObject(void* io, const std::string& object, const ObjectRead& what);
// The same of many objects, many at a time; the answers are in the same order.
std::vector<ObjectReply> ReadObjects(void* io, const std::vector<std::string>& objects,
                                     const ObjectRead& what);

int ListWatchers(void* io, const std::string& object, std::vector<Watcher>* watchers);

}  // namespace rbdcsi
