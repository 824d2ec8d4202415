#include "tests/load/source.h"

#include <algorithm>
#include <set>

#include "common/wire/report_codec.h"
#include "tests/support/catch.h"

namespace faultline::load {
namespace {

constexpr std::uint32_t kNodes = 3 * Fabric::kRack;

LoadOptions options(double link_loss) {
  return {.shape = {.nodes = kNodes, .targets_per_node = kNodes - 1, .flows_per_target = 8},
          .windows = 2,
          .faults = {.link_loss = link_loss}};
}

// Node numbers at the controller are others than ours.
Source source(const LoadOptions& options) {
  Source source(options, wall_time_from_unix_seconds(1'795'305'600));
  for (std::uint32_t i = 0; i < kNodes; ++i) source.set_node(i, NodeId{1000 + i});
  return source;
}

std::uint64_t lost(const Report& report) {
  std::uint64_t sum = 0;
  for (const auto& flow : report.flows) sum += flow.lost_forward + flow.lost_return;
  return sum;
}

bool is_rack_of(std::uint32_t rack, std::uint32_t node) { return node / Fabric::kRack == rack; }

TEST_CASE("every report of the load is one that the controller takes", "[load]") {
  auto reports = source(options(0.5));
  for (std::uint32_t window = 0; window < 2; ++window) {
    const auto report = reports.make(7, window);
    CHECK(report.flows.size() == (kNodes - 1) * 8);
    const auto decoded = wire::decode_report(wire::encode(report));
    REQUIRE(decoded);
    CHECK(*decoded == report);
  }
}

TEST_CASE("the faulty link's losses are those of flows whose path crosses it", "[load]") {
  auto faulty = source(options(0.5));
  const auto link = *IpAddress::parse(Fabric::faulty_link());
  for (const std::uint32_t node : {0U, 25U, 45U}) {
    const auto report = faulty.make(node, 0);
    for (const auto& flow : report.flows) {
      const auto target = flow.target.value() - 1000;
      const auto crosses = [&](Direction direction) {
        const auto path = Fabric::path(node, target, flow.source_port, direction, {});
        return std::ranges::count(path.hops, Hop{link}) > 0;
      };
      // One flow in a hundred loses half a percent without any fault: five of ten is the link's.
      const auto limit = flow.sent / 2;
      if (flow.lost_forward >= limit) CHECK(crosses(Direction::kForward));
      if (flow.lost_return >= limit) CHECK(crosses(Direction::kReturn));
    }
    const bool is_near = is_rack_of(0, node);
    CHECK(lost(report) > (is_near ? 100U : 30U));
  }
}

TEST_CASE("a digest does not depend on the order of flows, but on each of their values", "[load]") {
  auto reports = source(options(0));
  const auto report = reports.make(0, 0);
  auto other = report;
  std::ranges::reverse(other.flows);
  CHECK(digest_of(other) == digest_of(report));
  std::set<std::uint64_t> digests{digest_of(report)};
  for (auto change : std::vector<void (*)(FlowWindow&)>{
           [](FlowWindow& flow) { ++flow.sent; }, [](FlowWindow& flow) { ++flow.lost_forward; },
           [](FlowWindow& flow) { ++flow.lost_return; },
           [](FlowWindow& flow) { ++flow.rtt_max_ns; },
           [](FlowWindow& flow) { ++flow.source_port; }}) {
    other = report;
    change(other.flows[5]);
    digests.insert(digest_of(other));
  }
  CHECK(digests.size() == 6);
  CHECK(reports.record(0, 0).digest == digest_of(report));
  CHECK_FALSE(reports.record(0, 0).is_acknowledged);
}

}  // namespace
}  // namespace faultline::load
