// What a daemon counts, served to Prometheus when it has an endpoint for that.
//
// The only place that knows prometheus-cpp. Whoever counts something asks for a handle by the
// metric's name and keeps it; handles are plain values, valid as long as the Metrics they came
// from. Any thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"

namespace prometheus {
class Counter;
class Exposer;
class Gauge;
class Registry;
}  // namespace prometheus

namespace rbdcsi {

class Metrics {
 public:
  class Counter {
   public:
    void Increment() const;

   private:
    friend class Metrics;
    explicit Counter(prometheus::Counter& counter) : counter_(&counter) {}
    prometheus::Counter* counter_;
  };

  class Gauge {
   public:
    void Set(double value) const;

   private:
    friend class Metrics;
    explicit Gauge(prometheus::Gauge& gauge) : gauge_(&gauge) {}
    prometheus::Gauge* gauge_;
  };

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same name and labels give the same metric.
  Counter AddCounter(const std::string& name, const std::string& help);
  Gauge AddGauge(const std::string& name, const std::string& help,
                 const std::map<std::string, std::string>& labels = {});

  // HTTP at "host:port", path /metrics, in a thread of its own; empty: nothing.
  // FAILED_PRECONDITION: the address cannot be bound.
  absl::Status Serve(const std::string& endpoint);

 private:
  std::shared_ptr<prometheus::Registry> registry_;
  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace rbdcsi
