// What one call costs the cluster: operations of the OSD and commits of the monitor.
//
// One caller, driver and floor in turns as in measure.h, with the counters read around each turn.
// A cluster does things by itself meanwhile (the manager reports, watches are renewed): its idle
// rate is measured first and taken off. The figures are only right while nobody else uses Ceph.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/ceph_connection.h"
#include "tests/bench/measure.h"

namespace rbdcsi {

// Operations of one call: the mean over `calls` calls.
struct Cost {
  std::string op;
  int calls = 0;
  Counters driver;
  Counters floor;
};

class Meter {
 public:
  // Watches the idle cluster for that long: the longer the better it knows it.
  static absl::StatusOr<Meter> Learn(CephConnection& connection,
                                     absl::Duration idle = absl::Seconds(10));

  // Uses the items [0, Items(plan)), as Measure() does; plan.callers is 1.
  absl::StatusOr<std::vector<Cost>> Measure(const Plan& plan,
                                            const std::vector<Contest>& contests) const;

  // What the cluster does by itself, per second.
  const Counters& idle() const { return idle_; }

 private:
  Meter(CephConnection& connection, Counters idle) : connection_(connection), idle_(idle) {}
  absl::Status Weigh(const Batch& batch, const Operation& operation, Counters* sum) const;

  CephConnection& connection_;
  Counters idle_;
};

}  // namespace rbdcsi
