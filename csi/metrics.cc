#include "csi/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <spdlog/spdlog.h>

#include <exception>

#include "absl/strings/str_cat.h"

namespace rbdcsi {

void Metrics::Counter::Increment() const { counter_->Increment(); }
void Metrics::Gauge::Set(double value) const { gauge_->Set(value); }

Metrics::Metrics() : registry_(std::make_shared<prometheus::Registry>()) {}
Metrics::~Metrics() = default;

Metrics::Counter Metrics::AddCounter(const std::string& name, const std::string& help) {
  return Counter(prometheus::BuildCounter().Name(name).Help(help).Register(*registry_).Add({}));
}

Metrics::Gauge Metrics::AddGauge(const std::string& name, const std::string& help,
                                 const std::map<std::string, std::string>& labels) {
  return Gauge(prometheus::BuildGauge().Name(name).Help(help).Register(*registry_).Add(labels));
}

absl::Status Metrics::Serve(const std::string& endpoint) {
  if (endpoint.empty()) {
    return absl::OkStatus();
  }
  constexpr size_t kThreads = 1;
  try {
    exposer_ = std::make_unique<prometheus::Exposer>(endpoint, kThreads);
    exposer_->RegisterCollectable(registry_);
  } catch (const std::exception& error) {
    return absl::FailedPreconditionError(
        absl::StrCat("serve metrics at ", endpoint, ": ", error.what(),
                     " (give --metrics-endpoint as host:port of a free port)"));
  }
  spdlog::info("metrics at http://{}/metrics", endpoint);
  return absl::OkStatus();
}

}  // namespace rbdcsi
