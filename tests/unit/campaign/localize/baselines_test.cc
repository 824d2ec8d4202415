// The yardstick is tested too: a baseline that is broken would flatter the localizer.
#include "tests/campaign/localize/baselines.h"

#include <algorithm>
#include <sstream>

#include "tests/campaign/localize/judge.h"
#include "tests/campaign/localize/oracle.h"
#include "tests/campaign/localize/topologies.h"
#include "tests/support/catch.h"

namespace faultline::campaign {
namespace {

// A link of the 4 x 4 leaf-spine that loses 5 %.
Case one_bad_link(std::uint64_t seed) {
  return make_case({.name = "T",
                    .what = "",
                    .shape = Shape::kLeafSpine,
                    .packets_per_window = 100,
                    .links = 1,
                    .loss_min = 0.05,
                    .loss_max = 0.05,
                    .background_min = 0,
                    .background_max = 1e-6},
                   seed);
}

TEST_CASE("each baseline names the one link that loses", "[campaign][baselines]") {
  for (const std::uint64_t seed : {1, 2, 3}) {
    CAPTURE(seed);
    const Case it = one_bad_link(seed);
    const Names truth(it.truth.begin(), it.truth.end());
    CHECK(votes_007(it.set, {.share_min = 0.1}) == truth);
    CHECK(net_bouncer(it.set, {.regularization = 0.01, .loss_min = 0.02, .device_share = 1}) ==
          truth);
    CHECK(flock(it.set, {}) == truth);
    CHECK(oracle(it) == truth);
  }
}

TEST_CASE("Flock names the device rather than its links when all of them lose",
          "[campaign][baselines]") {
  const Case it = make_case({.name = "T",
                             .what = "",
                             .shape = Shape::kLeafSpine,
                             .packets_per_window = 100,
                             .devices = 1,
                             .loss_min = 0.02,
                             .loss_max = 0.02},
                            1);
  CHECK(flock(it.set, {}) == Names(it.truth.begin(), it.truth.end()));
}

TEST_CASE("a beam of one finds what a wide beam finds when nothing is ambiguous",
          "[campaign][baselines]") {
  const Case it = one_bad_link(4);
  CHECK(flock(it.set, {.beam = 1}) == flock(it.set, {.beam = 50}));
}

TEST_CASE("more packets over a case's flows meet the same loss", "[campaign]") {
  const Case it = one_bad_link(5);
  Rng rng(6);
  const auto bad = std::ranges::max_element(it.network.loss);
  const auto link = static_cast<std::uint32_t>(bad - it.network.loss.begin());
  std::vector<localize::FlowIndex> over;
  for (const TrueFlow& flow : it.network.flows) {
    if (std::ranges::count(flow.there, link) > 0) over.push_back(flow.row.flow);
  }
  REQUIRE(!over.empty());
  double sent = 0;
  double lost = 0;
  for (const localize::Observation& row : probe(it, over, 10'000, rng)) {
    sent += static_cast<double>(row.sent);
    lost += static_cast<double>(row.lost);
  }
  CHECK(lost / sent == Approx(0.05).margin(0.005));
}

TEST_CASE("a flow that is opened later takes a shortest way, and always the same", "[campaign]") {
  Case it = one_bad_link(7);
  const std::uint32_t src = it.network.fabric.hosts.front();
  const std::uint32_t dst = it.network.fabric.hosts.back();
  const localize::FlowIndex flow = open_flow(it, src, dst, 60'000);
  CHECK(true_flow(it, flow).there.size() == 4);
  CHECK(open_flow(it, src, dst, 60'000) == flow);
}

TEST_CASE("naming every link of a faulty device is as good as naming it", "[campaign]") {
  Case it = one_bad_link(8);
  it.truth = {"spine1"};
  it.parts = {{"spine1", {"leaf1>spine1", "spine1>leaf1"}}};
  CHECK(judge(it, accusations(Names{"spine1"})).f1 == 1);
  CHECK(judge(it, accusations(Names{"leaf1>spine1", "spine1>leaf1"})).f1 == 1);
  const Marks half = judge(it, accusations(Names{"leaf1>spine1", "leaf2>spine2"}));
  CHECK(half.precision == 0.5);
  CHECK(half.recall == 0.5);
}

// Greedy steps once named the link through which the flows of both faults go (W2, seed 23).
TEST_CASE("two faults whose flows meet in one healthy link are both found",
          "[campaign][localize]") {
  const auto wide_area = std::ranges::find(scenarios(), "W2", &Scenario::name);
  const Case it = make_case(*wide_area, 23);
  const Marks marks = judge(it, accusations(it, localize::localize(it.set, {})));
  CHECK(marks.missed.empty());
  CHECK(marks.wrong == 0);
}

TEST_CASE("an edge list makes a network whose leaves probe each other", "[campaign]") {
  std::istringstream text("a r1\nb r2  # a comment\nr1 r2 3\n");
  const Fabric fabric = read_edges(text).value();
  CHECK(fabric.hosts.size() == 2);
  CHECK(fabric.way(fabric.hosts[0], fabric.hosts[1], 1).size() == 3);
  std::istringstream broken("a\n");
  CHECK(read_edges(broken).error().context == "line 1 of the edge list: write two device names");
}

}  // namespace
}  // namespace faultline::campaign
