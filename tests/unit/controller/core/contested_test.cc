#include "controller/core/contested.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/support/catch.h"

namespace faultline::core {
namespace {

using localize::ObservationSet;
using localize::RouteIndex;

RouteIndex route(ObservationSet& set, std::initializer_list<const char*> names) {
  std::vector<localize::DeviceIndex> hops;
  for (const char* name : names) hops.push_back(set.device(name));
  return set.route(set.path(hops));
}

localize::Suspect suspect(std::string id, double posterior) {
  localize::Suspect result;
  result.id = std::move(id);
  result.posterior = posterior;
  return result;
}

plan::FlowKey key(std::uint16_t port) { return {NodeId{1}, NodeId{2}, port}; }

std::vector<std::uint16_t> ports(const plan::ContestedFlows& it) {
  std::vector<std::uint16_t> result;
  for (const auto& flow : it.flows) result.push_back(flow.key.source_port);
  std::ranges::sort(result);
  return result;
}

// h1 and h2 behind leaf1 and leaf2, four spines; session i goes over spine i and back over the
// next.
struct Fabric {
  ObservationSet set;
  std::vector<SessionRoutes> sessions;

  Fabric() {
    const char* spines[] = {"spine1", "spine2", "spine3", "spine4"};
    for (std::uint16_t i = 0; i < 4; ++i) {
      sessions.push_back({key(i), route(set, {"h1", "leaf1", spines[i], "leaf2", "h2"}),
                          route(set, {"h2", "leaf2", spines[(i + 1) % 4], "leaf1", "h1"})});
    }
  }
};

TEST_CASE("a near miss is contested, and the sessions that cross it are those that tell",
          "[core][adaptive]") {
  Fabric fabric;
  localize::Verdict verdict;
  verdict.near_misses = {{.id = "leaf1>spine2", .log_bayes = 3, .log_odds = -3, .loss = 1e-3},
                         {.id = "spine3>leaf2", .log_bayes = 2, .log_odds = -4, .loss = 2e-3}};
  const auto open = open_questions(fabric.set, verdict, fabric.sessions);
  REQUIRE(open.contested.size() == 2);
  CHECK(open.contested[0].component.id == "leaf1>spine2");
  CHECK(open.contested[0].component.log_bayes == 3);
  CHECK(ports(open.contested[0]) == std::vector<std::uint16_t>{1});
  CHECK(ports(open.contested[1]) == std::vector<std::uint16_t>{2});
  CHECK(open.suspects.empty());
}

TEST_CASE("sessions over a confirmed suspect tell nothing; an unsure one is contested itself",
          "[core][adaptive]") {
  Fabric fabric;
  localize::Verdict verdict;
  verdict.near_misses = {{.id = "leaf1>spine2", .log_bayes = 3, .log_odds = -3, .loss = 1e-3}};
  // The first is on the way back of session 1.
  verdict.suspects = {suspect("leaf2>spine3", 0.99), suspect("spine4>leaf2", 0.6)};
  const auto open = open_questions(fabric.set, verdict, fabric.sessions);
  CHECK(open.suspects == std::vector<std::string>{"leaf2>spine3"});
  REQUIRE(open.contested.size() == 2);
  CHECK(open.contested[0].component.id == "spine4>leaf2");
  CHECK(open.contested[0].component.log_odds == Approx(std::log(1.5)));
  CHECK(ports(open.contested[0]) == std::vector<std::uint16_t>{3});
  CHECK(open.contested[1].component.id == "leaf1>spine2");
  CHECK(open.contested[1].flows.empty());
}

TEST_CASE("of a group that packets could split every member is contested", "[core][adaptive]") {
  Fabric fabric;
  localize::Verdict verdict;
  auto group = suspect("leaf1>spine1", 0.99);
  group.ambiguous_with = {"leaf1>spine2", "spine2>leaf2"};
  group.packets_to_split = 500;
  verdict.suspects = {group};
  const auto open = open_questions(fabric.set, verdict, fabric.sessions);
  REQUIRE(open.contested.size() == 3);
  CHECK(ports(open.contested[0]) == std::vector<std::uint16_t>{0});
  CHECK(open.contested[1].flows.empty());  // who crosses one of these two crosses the other
  for (const auto& it : open.contested) CHECK(it.component.log_odds <= 0);
}

TEST_CASE("a session with a silent hop or several candidates is of no use", "[core][adaptive]") {
  Fabric fabric;
  auto& set = fabric.set;
  const auto silent =
      set.path(std::vector{set.device("h1"), set.device("leaf1"), localize::kSilentHop,
                           set.device("leaf2"), set.device("h2")});
  fabric.sessions = {{key(9), set.route(silent)}};
  localize::Verdict verdict;
  verdict.near_misses = {{.id = "h1>leaf1", .log_bayes = 3, .log_odds = -3, .loss = 1e-3}};
  const auto open = open_questions(set, verdict, fabric.sessions);
  REQUIRE(open.contested.size() == 1);
  CHECK(open.contested.front().flows.empty());
}

}  // namespace
}  // namespace faultline::core
