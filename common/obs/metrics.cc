#include "common/obs/metrics.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "common/base/check.h"

namespace faultline::obs {
namespace {

constexpr std::string_view kCounterSuffix = "_total";
constexpr std::size_t kSamplesPerFamilyMax = 4096;

bool is_name(std::string_view name) {
  const auto valid = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
         std::ranges::all_of(name, valid);
}

std::string escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n') {
      escaped += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string format_labels(const std::vector<std::pair<std::string, std::string>>& labels) {
  if (labels.empty()) return "";
  std::string text;
  for (const auto& [name, value] : labels) {
    FAULTLINE_CHECK(is_name(name), "a label's name is made of [a-z0-9_]");
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "{" : ",", name, escape(value));
  }
  return text + "}";
}

std::string format_value(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  // Integers exactly, without an exponent, as far as a double can.
  if (value == std::floor(value) && std::abs(value) < 1e15) return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

// Buckets are cumulative, the last one is +Inf's and equals the count.
void render_histogram(std::string_view name, const std::string& labels, const HistogramValue& value,
                      std::string& text) {
  const auto before = labels.empty() ? std::string("{") : labels.substr(0, labels.size() - 1) + ",";
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < value.counts.size(); ++i) {
    count += value.counts[i];
    const auto bound =
        i < value.bounds.size() ? fmt::format("{}", value.bounds[i]) : std::string("+Inf");
    text += fmt::format("{}_bucket{}le=\"{}\"}} {}\n", name, before, bound, count);
  }
  text += fmt::format("{}_count{} {}\n{}_sum{} {}\n", name, labels, count, name, labels,
                      format_value(value.sum));
}

}  // namespace

void MetricRegistry::expose(MetricName name, const Counter& counter) {
  add(Kind::kCounter, std::move(name),
      {.labels = {}, .read = [&counter] { return static_cast<double>(counter.value()); }});
}

void MetricRegistry::expose(MetricName name, const Gauge& gauge) {
  add(Kind::kGauge, std::move(name), {.labels = {}, .read = [&gauge] { return gauge.value(); }});
}

void MetricRegistry::expose_counter(MetricName name, std::function<double()> read) {
  add(Kind::kCounter, std::move(name), {.labels = {}, .read = std::move(read)});
}

void MetricRegistry::expose_gauge(MetricName name, std::function<double()> read) {
  add(Kind::kGauge, std::move(name), {.labels = {}, .read = std::move(read)});
}

void MetricRegistry::expose_histogram(MetricName name, HistogramValue value) {
  FAULTLINE_CHECK(value.counts.size() == value.bounds.size() + 1, "a bucket per bound, and +Inf's");
  add(Kind::kHistogram, std::move(name), {.labels = {}, .read = {}, .histogram = std::move(value)});
}

void MetricRegistry::add(Kind kind, MetricName name, Sample sample) {
  FAULTLINE_CHECK(is_name(name.name), "a metric's name is made of [a-z0-9_]");
  FAULTLINE_CHECK((kind == Kind::kCounter) == name.name.ends_with(kCounterSuffix),
                  "counters, and only they, end in _total");
  if (kind == Kind::kCounter) name.name.resize(name.name.size() - kCounterSuffix.size());
  const auto [place, is_new] = families_.try_emplace(
      name.name, Family{.kind = kind, .help = name.help, .samples = {}, .labels = {}});
  Family& family = place->second;
  FAULTLINE_CHECK(family.kind == kind, "a metric is of one kind");
  FAULTLINE_CHECK(family.samples.size() < kSamplesPerFamilyMax, "labels are few");
  sample.labels = format_labels(name.labels);
  FAULTLINE_CHECK(family.labels.insert(sample.labels).second,
                  "a metric with these labels is exposed once");
  family.samples.push_back(std::move(sample));
}

std::string_view MetricRegistry::name_of(Kind kind) {
  switch (kind) {
    case Kind::kCounter:
      return "counter";
    case Kind::kGauge:
      return "gauge";
    case Kind::kHistogram:
      return "histogram";
  }
  return "unknown";
}

std::string MetricRegistry::render() const {
  std::string text;
  for (const auto& [name, family] : families_) {
    text += fmt::format("# TYPE {} {}\n# HELP {} {}\n", name, name_of(family.kind), name,
                        escape(family.help));
    const auto suffix = family.kind == Kind::kCounter ? kCounterSuffix : std::string_view();
    for (const auto& sample : family.samples) {
      if (family.kind == Kind::kHistogram) {
        render_histogram(name, sample.labels, sample.histogram, text);
      } else {
        text +=
            fmt::format("{}{}{} {}\n", name, suffix, sample.labels, format_value(sample.read()));
      }
    }
  }
  return text + "# EOF\n";
}

}  // namespace faultline::obs
