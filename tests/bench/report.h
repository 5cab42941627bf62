// What csi-bench prints: one JSON object a line on standard output, flushed at once, so that the
// program that runs it can show each figure when it is there. One thread.
#pragma once

#include <string>

#include "tests/bench/cost.h"
#include "tests/bench/measure.h"

namespace rbdcsi {

struct Context {
  int callers = 1;
  int existing = 0;
};

// {"op", "callers", "existing", "count", "p50_ms", "p95_ms", "per_s", "floor_..." , "ratio_p50"}
void PrintFigures(const Figures& figures, const Context& context);

// {"op", "counts": {"calls", "osd_ops", "mon_commits", "floor_osd_ops", "floor_mon_commits"}}
void PrintCost(const Cost& cost);

// {"op", "value"} for what is a single number; `op` ends in its unit.
void PrintValue(const std::string& op, double value);

}  // namespace rbdcsi
