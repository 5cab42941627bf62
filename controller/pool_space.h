// How full a pool is, by the flags of the OSD map.
//
// The monitors raise "nearfull" when an OSD of the pool passes mon_osd_nearfull_ratio and "full"
// when writes wait, by the devices or by the pool's quota. PoolSpaces asks for what a page of
// volumes needs, once in some seconds per cluster. Any thread; blocking only while it asks.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "controller/stores.h"

namespace rbdcsi {

enum class PoolSpace {
  kUnknown,  // it could not be asked, or there is no such pool
  kEnough,
  kNearFull,
  kFull,
};

inline constexpr char kOsdDump[] = R"({"prefix":"osd dump","format":"json"})";
// By pool. `osd_dump`: the monitors' reply to kOsdDump; empty when it is not understood.
std::map<std::string, PoolSpace> SpacesIn(std::string_view osd_dump);

class PoolSpaces {
 public:
  explicit PoolSpaces(Stores& stores) : stores_(stores) {}
  PoolSpace Of(const std::string& cluster, const std::string& pool);

 private:
  struct Answer {
    absl::Time asked = absl::InfinitePast();
    std::map<std::string, PoolSpace> spaces;  // empty: no answer
    PoolSpace Of(const std::string& pool) const;
  };
  Answer Ask(const std::string& cluster);

  Stores& stores_;
  absl::Mutex mutex_;
  std::map<std::string, Answer> answers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rbdcsi
