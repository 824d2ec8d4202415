#include "common/obs/metrics.h"

#include <limits>
#include <thread>

#include "common/obs/process_metrics.h"
#include "tests/support/catch.h"

namespace faultline::obs {

TEST_CASE("counters and gauges are rendered as OpenMetrics text", "[obs]") {
  Counter refused;
  Counter spent;
  Gauge nodes;
  MetricRegistry registry;
  registry.expose({.name = "zap_refused_total", .help = "Refused.", .labels = {{"why", "unknown"}}},
                  refused);
  registry.expose({.name = "zap_refused_total", .help = "Refused.", .labels = {{"why", "spent"}}},
                  spent);
  registry.expose({.name = "nodes", .help = "Nodes \"alive\".\nNow."}, nodes);
  refused.add();
  refused.add(41);
  nodes.set(2.5);
  CHECK(registry.render() ==
        "# TYPE nodes gauge\n"
        "# HELP nodes Nodes \\\"alive\\\".\\nNow.\n"
        "nodes 2.5\n"
        "# TYPE zap_refused counter\n"
        "# HELP zap_refused Refused.\n"
        "zap_refused_total{why=\"unknown\"} 42\n"
        "zap_refused_total{why=\"spent\"} 0\n"
        "# EOF\n");
}

TEST_CASE("a histogram's buckets are cumulative and end with its count", "[obs]") {
  MetricRegistry registry;
  registry.expose_histogram(
      {.name = "rtt_seconds", .help = "Round trips.", .labels = {{"by", "a"}}},
      {.bounds = {0.001, 0.25}, .counts = {2, 0, 3}, .sum = 1.5});
  registry.expose_histogram(
      {.name = "rtt_seconds", .help = "Round trips.", .labels = {{"by", "b"}}},
      {.bounds = {0.001}, .counts = {0, 0}, .sum = 0});
  CHECK(registry.render() ==
        "# TYPE rtt_seconds histogram\n"
        "# HELP rtt_seconds Round trips.\n"
        "rtt_seconds_bucket{by=\"a\",le=\"0.001\"} 2\n"
        "rtt_seconds_bucket{by=\"a\",le=\"0.25\"} 2\n"
        "rtt_seconds_bucket{by=\"a\",le=\"+Inf\"} 5\n"
        "rtt_seconds_count{by=\"a\"} 5\n"
        "rtt_seconds_sum{by=\"a\"} 1.5\n"
        "rtt_seconds_bucket{by=\"b\",le=\"0.001\"} 0\n"
        "rtt_seconds_bucket{by=\"b\",le=\"+Inf\"} 0\n"
        "rtt_seconds_count{by=\"b\"} 0\n"
        "rtt_seconds_sum{by=\"b\"} 0\n"
        "# EOF\n");
}

TEST_CASE("large counts are rendered exactly, odd values as OpenMetrics spells them", "[obs]") {
  double value = 0;
  MetricRegistry registry;
  registry.expose_gauge({.name = "value", .help = "A value."}, [&value] { return value; });
  const auto rendered = [&](double next) {
    value = next;
    const std::string text = registry.render();
    const auto begin = text.find("\nvalue ") + 7;
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  CHECK(rendered(123'456'789'012) == "123456789012");
  CHECK(rendered(-0.125) == "-0.125");
  CHECK(rendered(std::numeric_limits<double>::infinity()) == "+Inf");
  CHECK(rendered(std::numeric_limits<double>::quiet_NaN()) == "NaN");
}

TEST_CASE("label values are escaped", "[obs]") {
  const Counter counter;
  MetricRegistry registry;
  registry.expose({.name = "a_total", .help = "A.", .labels = {{"l", "q\"b\\n\n"}}}, counter);
  CHECK_THAT(registry.render(), Catch::Contains(R"(a_total{l="q\"b\\n\n"} 0)"));
}

TEST_CASE("a counter counts the additions of all threads", "[obs]") {
  Counter counter;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&counter] {
        for (int i = 0; i < 1000; ++i) counter.add();
      });
    }
  }
  CHECK(counter.value() == 4000);
}

TEST_CASE("a process knows its memory, CPU time and descriptors", "[obs]") {
  CHECK(resident_bytes() > 100'000);
  CHECK(cpu_seconds() >= 0);
  CHECK(open_descriptors() > 0);
  MetricRegistry registry;
  expose_process_metrics(registry);
  CHECK_THAT(registry.render(), Catch::Contains("process_resident_memory_bytes ") &&
                                    Catch::Contains("process_cpu_seconds_total ") &&
                                    Catch::Contains("faultline_log_lines_dropped_total 0"));
}

}  // namespace faultline::obs
