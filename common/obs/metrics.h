// Counters and gauges, and their text form for /metrics.
//
// A library holds its counters as members of a plain struct (`struct ZapCounters { Counter refused;
// }`) and never sees the registry: the program's app folder gives each one its name and help. So
// nothing is registered by itself, and a library is tested by reading its counters.
//
// Thread safety: Counter and Gauge may be changed and read on any thread. A MetricRegistry belongs
// to one thread, which exposes everything before it first renders; what is exposed must outlive it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace faultline::obs {

// Only grows.
class Counter {
 public:
  void add(std::uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// The samples of a histogram with fixed bounds, as they stand.
struct HistogramValue {
  std::vector<double> bounds;         // ascending, in the unit of the metric's name; without +Inf
  std::vector<std::uint64_t> counts;  // one more than bounds, each of its own bucket alone
  double sum = 0;
};

struct MetricName {
  std::string name;  // a counter's ends in "_total"; units are spelt out: "_seconds", "_bytes"
  std::string help;  // one sentence, with the value that means trouble
  // Few, never a node or a flow: each combination is a time series for ever.
  std::vector<std::pair<std::string, std::string>> labels = {};
};

class MetricRegistry {
 public:
  // A bug if the name is not an OpenMetrics name, is taken with the same labels, or was exposed
  // before as another kind.
  void expose(MetricName name, const Counter& counter);
  void expose(MetricName name, const Gauge& gauge);
  // `read` is called by render(), on its thread.
  void expose_counter(MetricName name, std::function<double()> read);
  void expose_gauge(MetricName name, std::function<double()> read);

  void expose_histogram(MetricName name, HistogramValue value);

  // OpenMetrics 1.0 text, complete with "# EOF". Families by name, samples in order of exposure.
  [[nodiscard]] std::string render() const;

 private:
  enum class Kind : std::uint8_t { kCounter, kGauge, kHistogram };
  struct Sample {
    std::string labels;            // `{kind="host"}`, or nothing
    std::function<double()> read;  // not of a histogram
    HistogramValue histogram{};
  };
  struct Family {
    Kind kind = Kind::kCounter;
    std::string help;
    std::vector<Sample> samples;
    std::set<std::string> labels;  // of the samples
  };

  void add(Kind kind, MetricName name, Sample sample);
  static std::string_view name_of(Kind kind);

  std::map<std::string, Family> families_;  // by the name without "_total"
};

inline constexpr const char* kOpenMetricsContentType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

}  // namespace faultline::obs
