#include "controller/app/tests_config.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "common/model/node.h"
#include "controller/app/notify_config.h"

namespace faultline::app {
namespace {

using config::Section;
using ondemand::Method;
using ondemand::TestKind;

constexpr std::uint32_t kTraceCountDefault = 3;
// Of the limit, for all standing traces together.
constexpr std::uint32_t kTracesShareOf = 5;
// A trace's rate is so many times what it makes one router send (probe/paths/exploration.h).
constexpr std::uint32_t kRatePerHop = 5;

Method usual_method(TestKind kind) {
  if (kind == TestKind::kPort) return Method::kTcp;
  return kind == TestKind::kTrace ? Method::kStamp : Method::kIcmp;
}

// Of each of as many traces as may be under way at once; not above what one that a person orders
// has.
std::uint16_t trace_rate(std::uint32_t router_rate_max, const core::StandingLimits& limits) {
  const auto each = static_cast<std::uint64_t>(router_rate_max) * kRatePerHop / kTracesShareOf /
                    limits.tracing_max;
  return static_cast<std::uint16_t>(std::clamp<std::uint64_t>(each, 1, ondemand::TestOrder{}.rate));
}

void read_selector(Section& section, std::string_view key, incident::Selector& selector) {
  std::map<std::string, std::string> labels;
  section.text_map(key, labels);
  for (const auto& [name, text] : labels) selector[name] = values_in(text);
  if (selector.empty()) return;
  if (const auto valid = incident::validate_selector(selector); !valid) {
    section.error(key, valid.error().context);
  }
}

void read_order(Section& section, ondemand::TestOrder& order) {
  section.required("kind").choice("kind", order.kind,
                                  {{"ping", TestKind::kPing},
                                   {"port", TestKind::kPort},
                                   {"mtu", TestKind::kMtu},
                                   {"trace", TestKind::kTrace}});
  order.method = usual_method(order.kind);
  if (order.kind == TestKind::kTrace) order.count = kTraceCountDefault;
  section.choice("method", order.method,
                 {{"icmp", Method::kIcmp},
                  {"stamp", Method::kStamp},
                  {"tcp", Method::kTcp},
                  {"quic", Method::kQuic}});
  section.integer("port", order.target.port, std::uint16_t{1});
  section.integer("count", order.count, 1U, ondemand::kCountMax);
  section.duration("interval", order.interval);
  section.duration("wait", order.timeout);
  section.integer("size", order.size, ondemand::kSizeMin, ondemand::kSizeMax);
  section.integer("dscp", order.dscp, std::uint8_t{0}, std::uint8_t{63});
  section.integer("flows", order.flows, std::uint16_t{1}, ondemand::kFlowsMax);
}

void read_severity(Section& section, std::optional<incident::Severity>& severity) {
  section.choice("severity", severity,
                 {{"none", std::optional<incident::Severity>{}},
                  {"warning", std::optional(incident::Severity::kWarning)},
                  {"error", std::optional(incident::Severity::kError)},
                  {"critical", std::optional(incident::Severity::kCritical)}});
}

void read_test(Section& section, core::StandingTest& test) {
  section.required("name").text("name", test.name);
  if (const auto valid = validate_name(test.name); !test.name.empty() && !valid) {
    section.error("name", valid.error().context);
  }
  read_order(section, test.order);
  read_selector(section, "from", test.from);
  read_selector(section, "to", test.to);
  std::string target;
  section.text("target", target);
  if (!target.empty() && !test.to.empty()) {
    return section.error("target", "to is given too: remove one of them");
  }
  if (!target.empty()) {
    test.target = IpAddress::parse(target);
    if (!test.target) section.error("target", "must be an address; its port is `port`");
  }
  read_severity(section, test.severity);
  section.duration("every", test.every);
  if (test.every < core::kStandingEveryMin || test.every > core::kStandingEveryMax) {
    return section.error(
        "every", fmt::format("must be between {} and {}", format_duration(core::kStandingEveryMin),
                             format_duration(core::kStandingEveryMax)));
  }
  if (const auto valid = core::validate(test); !valid) {
    section.error("kind", valid.error().context);
  }
}

}  // namespace

void read_tests(Section& root, std::uint32_t router_rate_max, core::StandingOptions& options) {
  for (auto& section : root.sections("tests")) {
    core::StandingTest test;
    read_test(section, test);
    if (test.order.kind == TestKind::kTrace) {
      test.order.rate = trace_rate(router_rate_max, options.limits);
    }
    const auto same = std::ranges::find(options.tests, test.name, &core::StandingTest::name);
    if (same != options.tests.end()) {
      section.error("name", fmt::format("another test is called {}", test.name));
    }
    options.tests.push_back(std::move(test));
  }
  if (options.tests.size() > core::kStandingTestsMax) {
    root.error("tests", fmt::format("at most {} are supported", core::kStandingTestsMax));
  }
}

}  // namespace faultline::app
