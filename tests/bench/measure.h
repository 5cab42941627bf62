// How driver and floor are timed against each other.
//
// An operation works on item i, and every item is used once. Items run in batches: the driver's
// turn, then the floor's, then the driver's again, so that whatever disturbs the machine disturbs
// both. Inside a batch `callers` threads take the next item as soon as they are done with one.
// Times are in milliseconds; the rate is items per second of the batches' own time, the other
// side's turns left out.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rbdcsi {

using Operation = std::function<absl::Status(int item)>;

// An operation of the driver and the raw calls that it comes down to.
struct Contest {
  std::string op;
  Operation driver;
  Operation floor;
};

struct Plan {
  int callers = 1;
  int count = 200;  // timed items, at least; whole batches are run
  int warmup = 10;  // items before them, at least, not timed
  int batch = 8;    // items of one turn
};

// Items [0, Items(plan)) will be used.
int Items(const Plan& plan);

struct Side {
  double p50_ms = 0;
  double p95_ms = 0;
  double per_s = 0;
};

struct Figures {
  std::string op;
  int count = 0;
  Side driver;
  Side floor;
};

// Several contests share their items: each turn is one batch of the first, then the same batch of
// the second, and so on. That is how stage and unstage take turns on one volume. The first error
// ends it.
absl::StatusOr<std::vector<Figures>> Measure(const Plan& plan,
                                             const std::vector<Contest>& contests);

// One batch: items [first, first + count) by `callers` threads. Appends each item's time to
// `times_ms` unless that is null, and returns how long the whole batch took.
struct Batch {
  int first = 0;
  int count = 0;
  int callers = 1;
};
absl::StatusOr<absl::Duration> RunBatch(const Batch& batch, const Operation& operation,
                                        std::vector<double>* times_ms);

// Nearest rank; 0 for no samples. `share` is 0..1.
double Percentile(std::vector<double> samples, double share);

}  // namespace rbdcsi
