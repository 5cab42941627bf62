#include "tests/bench/report.h"

#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

namespace rbdcsi {
namespace {

double Rounded(double value) { return std::round(value * 1000) / 1000; }

void PrintLine(const nlohmann::ordered_json& line) { std::cout << line.dump() << std::endl; }

}  // namespace

void PrintFigures(const Figures& figures, const Context& context) {
  PrintLine({{"op", figures.op},
             {"callers", context.callers},
             {"existing", context.existing},
             {"count", figures.count},
             {"p50_ms", Rounded(figures.driver.p50_ms)},
             {"p95_ms", Rounded(figures.driver.p95_ms)},
             {"per_s", Rounded(figures.driver.per_s)},
             {"floor_p50_ms", Rounded(figures.floor.p50_ms)},
             {"floor_p95_ms", Rounded(figures.floor.p95_ms)},
             {"floor_per_s", Rounded(figures.floor.per_s)},
             {"ratio_p50", Rounded(figures.driver.p50_ms / figures.floor.p50_ms)}});
}

void PrintCost(const Cost& cost) {
  PrintLine({{"op", cost.op},
             {"counts",
              {{"calls", cost.calls},
               {"osd_ops", Rounded(cost.driver.osd_ops)},
               {"mon_commits", Rounded(cost.driver.mon_commits)},
               {"floor_osd_ops", Rounded(cost.floor.osd_ops)},
               {"floor_mon_commits", Rounded(cost.floor.mon_commits)}}}});
}

void PrintValue(const std::string& op, double value) {
  PrintLine({{"op", op}, {"value", Rounded(value)}});
}

}  // namespace rbdcsi
