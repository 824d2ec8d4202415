#include "common/obs/metrics.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "common/base/check.h"

namespace faultline::obs {
namespace {

constexpr std::string_view kCounterSuffix = "_total";
constexpr std::size_t kSamplesPerFamilyMax = 256;

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

}  // namespace

void MetricRegistry::expose(MetricName name, const Counter& counter) {
  add(Kind::kCounter, std::move(name), [&counter] { return static_cast<double>(counter.value()); });
}

void MetricRegistry::expose(MetricName name, const Gauge& gauge) {
  add(Kind::kGauge, std::move(name), [&gauge] { return gauge.value(); });
}

void MetricRegistry::expose_counter(MetricName name, std::function<double()> read) {
  add(Kind::kCounter, std::move(name), std::move(read));
}

void MetricRegistry::expose_gauge(MetricName name, std::function<double()> read) {
  add(Kind::kGauge, std::move(name), std::move(read));
}

void MetricRegistry::add(Kind kind, MetricName name, std::function<double()> read) {
  FAULTLINE_CHECK(is_name(name.name), "a metric's name is made of [a-z0-9_]");
  FAULTLINE_CHECK((kind == Kind::kCounter) == name.name.ends_with(kCounterSuffix),
                  "counters, and only they, end in _total");
  if (kind == Kind::kCounter) name.name.resize(name.name.size() - kCounterSuffix.size());
  const auto [place, is_new] =
      families_.try_emplace(name.name, Family{.kind = kind, .help = name.help, .samples = {}});
  Family& family = place->second;
  FAULTLINE_CHECK(family.kind == kind, "a metric is a counter or a gauge, not both");
  FAULTLINE_CHECK(family.samples.size() < kSamplesPerFamilyMax, "labels are few and fixed");
  Sample sample{.labels = format_labels(name.labels), .read = std::move(read)};
  FAULTLINE_CHECK(
      std::ranges::find(family.samples, sample.labels, &Sample::labels) == family.samples.end(),
      "a metric with these labels is exposed once");
  family.samples.push_back(std::move(sample));
}

std::string MetricRegistry::render() const {
  std::string text;
  for (const auto& [name, family] : families_) {
    const bool is_counter = family.kind == Kind::kCounter;
    text += fmt::format("# TYPE {} {}\n# HELP {} {}\n", name, is_counter ? "counter" : "gauge",
                        name, escape(family.help));
    for (const auto& sample : family.samples) {
      text += fmt::format("{}{}{} {}\n", name, is_counter ? kCounterSuffix : "", sample.labels,
                          format_value(sample.read()));
    }
  }
  return text + "# EOF\n";
}

}  // namespace faultline::obs
