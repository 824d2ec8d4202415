// Groups of nodes as OpenMetrics: as many as there may be, whatever they are called.
#include "controller/app/group_metrics.h"

#include <fmt/format.h>

#include "tests/support/catch.h"

namespace faultline::app {
namespace {

using core::Grouping;

std::string rendered(const core::Solution* solution, const std::set<Grouping>& wanted) {
  obs::MetricRegistry registry;
  expose_groups(solution, wanted, registry);
  return registry.render();
}

TEST_CASE("the most groups that there may be are exposed, with any names", "[metrics]") {
  auto table = core::empty_groups({Grouping::kClass});
  for (std::uint32_t i = 0; i < core::kGroupsMax; ++i) {
    table.groups[{Grouping::kZone, fmt::format("z{}", i), "a \"quoted\"\nname"}].sent = i;
  }
  table.groups[{Grouping::kZone, "other", "other"}].sent = 7;
  table.groups[{Grouping::kRack, "other", "other"}].sent = 8;
  table.rows_folded = 3;
  core::Solution solution;
  solution.groups = std::make_shared<const core::GroupTable>(std::move(table));
  const auto text = rendered(&solution, {Grouping::kZone, Grouping::kRack, Grouping::kClass});
  CHECK_THAT(text, Catch::Contains("faultline_group_packets_total{by=\"zone\",from=\"z999\","
                                   "to=\"a \\\"quoted\\\"\\nname\"} 999\n"));
  CHECK_THAT(text,
             Catch::Contains(
                 "faultline_group_packets_total{by=\"rack\",from=\"other\",to=\"other\"} 8\n"));
  CHECK_THAT(text, Catch::Contains("faultline_group_rtt_seconds_bucket{by=\"class\","
                                   "class=\"host-host\",le=\"+Inf\"} 0\n"));
  CHECK_THAT(text, Catch::Contains("faultline_group_packets_lost_total{by=\"class\",class=\"wan\","
                                   "direction=\"return\"} 0\n"));
  CHECK_THAT(text, Catch::Contains("faultline_group_rows_folded_total 3\n"));
}

TEST_CASE("before the first verdict there are the classes that are wanted, and nothing else",
          "[metrics]") {
  CHECK_THAT(rendered(nullptr, {Grouping::kClass, Grouping::kZone}),
             Catch::Contains("faultline_group_packets_total{by=\"class\",class=\"vm-vm\"} 0\n"));
  CHECK_THAT(rendered(nullptr, {Grouping::kZone}), !Catch::Contains("class"));
  CHECK(rendered(nullptr, {}) == "# EOF\n");
}

}  // namespace
}  // namespace faultline::app
