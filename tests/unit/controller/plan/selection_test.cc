#include "controller/plan/selection.h"

#include <optional>

#include "controller/plan/footprints.h"
#include "controller/plan/separation.h"
#include "tests/support/catch.h"

namespace faultline::plan {
namespace {

using Links = std::vector<LinkNumber>;

// Each row of links is a flow of its own pair of hosts, one way.
FlowRoutes one_way(std::uint32_t links, const std::vector<Links>& flows) {
  FlowRoutes routes(links);
  for (std::uint32_t i = 0; i < flows.size(); ++i) routes.add({i, 1000 + i}, flows[i], {});
  return routes;
}

TEST_CASE("a flow names each link once, with the rows that cross it", "[plan]") {
  FlowRoutes routes(4);
  routes.add({1, 2}, Links{3, 0, 3}, Links{0, 1});
  const auto crossings = routes.crossings(0);
  REQUIRE(crossings.size() == 3);
  CHECK(crossings[0] == Crossing{0, kForwardRow | kReturnRow});
  CHECK(crossings[1] == Crossing{1, kReturnRow});
  CHECK(crossings[2] == Crossing{3, kForwardRow});
}

TEST_CASE("a pair of hosts is the same from both ends", "[plan]") {
  CHECK(FlowEnds{3, 9}.pair() == FlowEnds{9, 3}.pair());
  CHECK(FlowEnds{3, 9}.pair() != FlowEnds{3, 8}.pair());
}

TEST_CASE("a flow is worth its new links and the classes that it splits", "[plan]") {
  const auto routes = one_way(4, {{0, 1, 2}, {0, 3}, {1}, {0, 1, 2, 3}});
  Separation separation(4);
  CHECK(separation.gain(routes.crossings(0)) == 4);  // three links, told from all others
  separation.add(routes.crossings(0));
  CHECK(separation.covered() == 3);
  CHECK(separation.classes() == 1);
  CHECK(separation.gain(routes.crossings(1)) == 3);  // 3 is new and alone, 0 is told from 1 and 2
  separation.add(routes.crossings(1));
  CHECK(separation.class_of(1) == separation.class_of(2));
  CHECK(separation.class_of(0) != separation.class_of(1));
  CHECK(separation.gain(routes.crossings(3)) == 0);  // all of every class: nothing is split
  separation.add(routes.crossings(2));
  CHECK(separation.classes() == 4);
}

TEST_CASE("the two directions of one flow tell their links apart", "[plan]") {
  FlowRoutes routes(2);
  routes.add({1, 2}, Links{0}, Links{1});
  Separation separation(2);
  separation.add(routes.crossings(0));
  CHECK(separation.classes() == 2);
}

TEST_CASE("footprints are as before once a flow was added and removed", "[plan]") {
  const auto routes = one_way(3, {{0, 1}, {1, 2}});
  Footprints footprints(routes);
  footprints.add(0);
  CHECK(footprints.covered() == 2);
  CHECK(footprints.distinct() == 1);
  footprints.add(1);
  CHECK(footprints.distinct() == 3);
  footprints.remove(1);
  CHECK(footprints.covered() == 2);
  CHECK(footprints.distinct() == 1);
  CHECK(footprints.hash(0) == footprints.hash(1));
}

TEST_CASE("a link is masked when two others share all of its flows", "[plan]") {
  const auto routes = one_way(5, {{0, 1}, {0, 2}, {0, 3}, {4}});
  Footprints footprints(routes);
  footprints.add(0);
  CHECK(footprints.maskers(0) == Footprints::Maskers{1, 1});
  footprints.add(1);
  CHECK(footprints.maskers(0) == Footprints::Maskers{1, 2});
  CHECK(footprints.unmasks(2, 0, {1, 2}));
  CHECK(!footprints.unmasks(1, 0, {1, 2}));
  footprints.add(2);
  CHECK(!footprints.maskers(0));
  footprints.add(3);
  CHECK(!footprints.maskers(4));  // crossed by a flow of its own
}

TEST_CASE("host pairs are counted once, however many flows they have", "[plan]") {
  FlowRoutes routes(1);
  for (std::uint32_t i = 0; i < 40; ++i) routes.add({i % 20, 100}, Links{0}, {});
  routes.add({100, 3}, Links{0}, {});
  Footprints footprints(routes);
  for (FlowNumber flow = 0; flow < routes.size(); ++flow) footprints.add(flow);
  CHECK(footprints.host_pairs(0, 99) == 20);
  CHECK(footprints.host_pairs(0, 3) == 3);
}

TEST_CASE("flows that tell all links apart are chosen, and none without which all still holds",
          "[plan]") {
  const auto routes = one_way(3, {{0, 1, 2}, {0, 1}, {1, 2}, {0, 2}, {0}});
  const auto selection = select_flows(routes, {}, {});
  const auto distinct_without = [&](std::optional<FlowNumber> left_out) {
    Footprints footprints(routes);
    for (const auto flow : selection.flows) {
      if (flow != left_out) footprints.add(flow);
    }
    return footprints.distinct();
  };
  CHECK(distinct_without({}) == 3);
  for (const auto flow : selection.flows) CHECK(distinct_without(flow) < 3);
}

TEST_CASE("what no flow can split stays together, and costs no flows", "[plan]") {
  const auto routes = one_way(2, {{0, 1}, {0, 1}, {0, 1}});
  CHECK(select_flows(routes, {}, {}).flows.size() == 1);
  CHECK(select_flows(routes, {}, {.host_pairs_min = 3}).flows.size() == 3);
}

TEST_CASE("flows in force stay although others would do as well, unless they are superfluous",
          "[plan]") {
  const auto routes = one_way(2, {{0}, {1}, {0}, {1}, {0, 1}});
  const std::vector<FlowNumber> in_force{2, 3, 4};
  const auto selection = select_flows(routes, {.in_force = in_force}, {});
  CHECK(selection.flows.size() == 2);
  CHECK(selection.kept == 2);
  CHECK(selection.dropped == 1);
  CHECK(selection.flows.front() >= 2);
}

TEST_CASE("pinned flows stay, and nothing is added for what they do already", "[plan]") {
  const auto routes = one_way(2, {{0, 1}, {0}, {0}, {1}});
  const std::vector<FlowNumber> pinned{0, 1, 2};
  const auto selection = select_flows(routes, {.pinned = pinned}, {});
  CHECK(selection.flows == pinned);
}

TEST_CASE("no node sends or answers more flows than it may", "[plan]") {
  FlowRoutes routes(6);
  for (LinkNumber link = 0; link < 6; ++link) routes.add({1, 10 + link}, Links{link}, {});
  const auto selection = select_flows(routes, {}, {.flows_per_node_max = 4});
  CHECK(selection.flows.size() == 4);
  CHECK(selection.budget_met);
}

TEST_CASE("no link carries more flows than it may", "[plan]") {
  const auto routes = one_way(5, {{0, 1}, {0, 2}, {0, 3}, {0, 4}});
  const auto selection = select_flows(routes, {}, {.flows_per_link_max = 2});
  CHECK(selection.flows.size() == 2);
  CHECK(selection.budget_met);
}

TEST_CASE("the lower bound is the one of deTector for its fat tree", "[plan]") {
  // k = 8: k^3 / 2 undirected switch links, 4 on a path; its paths are rows, two of which are a
  // flow.
  CHECK(2 * flows_lower_bound(256, 4) == Approx(8.0 * 8 * 8 / 5));
}

}  // namespace
}  // namespace faultline::plan
