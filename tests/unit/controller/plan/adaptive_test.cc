#include "controller/plan/adaptive.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <set>

#include "common/base/random.h"
#include "tests/support/catch.h"

namespace faultline::plan {
namespace {

using std::chrono::seconds;

constexpr std::uint32_t kLinks = 40;
constexpr Duration kWindow = seconds{10};

KnownFlow flow(std::uint32_t source, std::uint32_t target, std::uint16_t port,
               std::vector<std::uint32_t> links) {
  std::ranges::sort(links);
  return {.key = {NodeId{source}, NodeId{target}, port}, .links = std::move(links)};
}

FleetHealth well() {
  return {.nodes_expected = 20, .nodes_reported = 20, .packets = 10'000, .lost = 10};
}

// Twenty nodes; link i is crossed by 32 flows of its own, each from another pair of nodes.
AdaptiveInput input_of(const std::vector<Contested>& contested) {
  AdaptiveInput input{.health = well(),
                      .window = kWindow,
                      .flow_interval = seconds{1},
                      .packets_per_second_planned = 10'000,
                      .background = 3e-4};
  for (std::uint32_t node = 1; node <= 20; ++node) input.headroom[NodeId{node}] = 400;
  for (const auto& component : contested) {
    ContestedFlows it{.component = component, .flows = {}};
    for (std::uint16_t i = 0; i < 32; ++i) {
      it.flows.push_back(flow(1 + i % 20, 1 + (i + 7) % 20, i, component.links));
    }
    input.contested.push_back(std::move(it));
  }
  return input;
}

Contested suspicious(std::string id, std::uint32_t link, double log_bayes = 3) {
  return {.id = std::move(id),
          .log_bayes = log_bayes,
          .log_odds = log_bayes - 6.6,
          .loss = 1e-3,
          .links = {link}};
}

// A prober whose bucket is full at kStart.
const Instant kStart{seconds{1000}};
AdaptiveProber prober_of(const AdaptiveConfig& config = {}) {
  AdaptiveProber prober(config);
  CHECK(prober.next(kStart - seconds{60}, input_of({})).flows.empty());
  return prober;
}

double per_second(const ExtraFlows& extra, const AdaptiveInput& input) {
  double steps = 0;
  for (const auto& it : extra.flows) steps += it.times - 1;
  return steps / std::chrono::duration<double>(input.flow_interval).count();
}

TEST_CASE("a suspicious link gets more packets until the test says enough", "[plan][adaptive]") {
  auto prober = prober_of();
  auto input = input_of({suspicious("a", 1)});
  const auto first = prober.next(kStart, input);
  REQUIRE(first.flows.size() == 32);
  CHECK(first.life < kWindow);
  REQUIRE(first.events.size() == 1);
  CHECK(first.events.front().kind == TestEvent::Kind::kBegun);

  SECTION("it becomes a suspect: confirmed") {
    auto named = input_of({});
    named.suspects = {"a"};
    const auto next = prober.next(kStart + kWindow, named);
    CHECK(next.flows.empty());
    REQUIRE(next.events.size() == 1);
    CHECK(next.events.front().kind == TestEvent::Kind::kConfirmed);
  }
  SECTION("its factor falls to a twentieth: cleared, and left alone for a while") {
    const auto weaker = input_of({suspicious("a", 1, -0.1)});
    const auto next = prober.next(kStart + kWindow, weaker);
    CHECK(next.flows.empty());
    REQUIRE(next.events.size() == 1);
    CHECK(next.events.front().kind == TestEvent::Kind::kCleared);
    CHECK(prober.next(kStart + 2 * kWindow, input).flows.empty());
    CHECK_FALSE(prober.next(kStart + kWindow + kRestCleared, input).flows.empty());
  }
  SECTION("the verdict does not list it any more: cleared") {
    const auto next = prober.next(kStart + kWindow, input_of({}));
    REQUIRE(next.events.size() == 1);
    CHECK(next.events.front().kind == TestEvent::Kind::kCleared);
  }
  SECTION("nothing ever decides it: given up") {
    std::vector<TestEvent::Kind> ends;
    int rounds = 1;
    for (; rounds < 1000 && ends.empty(); ++rounds) {
      for (const auto& event : prober.next(kStart + rounds * kWindow, input).events) {
        ends.push_back(event.kind);
      }
    }
    CHECK(ends == std::vector{TestEvent::Kind::kGivenUp});
    CHECK(rounds < 100);
    CHECK(prober.tests() == 0);
  }
}

TEST_CASE("what is too weak, already certain, or crossed by nothing alone is not tested",
          "[plan][adaptive]") {
  auto prober = prober_of();
  auto input = input_of({suspicious("weak", 1, 1.0), suspicious("certain", 2, 12)});
  input.contested.push_back({.component = suspicious("alone", 3), .flows = {}});
  CHECK(prober.next(kStart, input).flows.empty());
  CHECK(prober.counters().tests_begun == 0);
  CHECK(prober.counters().without_flows == 1);
}

TEST_CASE("nothing is sent while the fleet is unwell, and tests wait", "[plan][adaptive]") {
  const auto good = input_of({suspicious("a", 1)});
  auto few = good;
  few.health.nodes_reported = 17;
  auto sick = good;
  sick.health.nodes_sick = 2;
  auto outage = good;
  outage.health.lost = 1500;
  auto changing = good;
  changing.health.changing = true;
  for (const auto& bad : {few, sick, outage, changing}) {
    auto prober = prober_of();
    const auto extra = prober.next(kStart, bad);
    CHECK(extra.flows.empty());
    CHECK_FALSE(extra.paused.empty());
    CHECK_FALSE(prober.next(kStart + kWindow, good).flows.empty());
    CHECK(prober.next(kStart + 2 * kWindow, bad).flows.empty());
    CHECK(prober.tests() == 1);
    CHECK(prober.counters().rounds_paused == 1);
  }
}

TEST_CASE("a verdict that comes early does not add its packets to those of the last",
          "[plan][adaptive]") {
  auto prober = prober_of();
  const auto input = input_of({suspicious("a", 1)});
  CHECK_FALSE(prober.next(kStart, input).flows.empty());
  CHECK(prober.next(kStart + seconds{5}, input).flows.empty());
  CHECK_FALSE(prober.next(kStart + seconds{10}, input).flows.empty());
}

TEST_CASE("switched off, nothing happens", "[plan][adaptive]") {
  auto prober = prober_of({.enabled = false});
  CHECK(prober.next(kStart, input_of({suspicious("a", 1)})) == ExtraFlows{});
}

// Anything that a verdict could say, and more.
AdaptiveInput random_input(Rng& rng) {
  AdaptiveInput input{.health = well(),
                      .window = seconds{1 + uniform_below(rng, 20)},
                      .flow_interval = std::chrono::milliseconds{50 + uniform_below(rng, 3000)},
                      .packets_per_second_planned = 20'000 * uniform(rng),
                      .background = 1e-3 * uniform(rng)};
  for (std::uint32_t node = 1; node <= 20; ++node) {
    if (uniform(rng) < 0.9) input.headroom[NodeId{node}] = 300 * uniform(rng) - 20;
  }
  const auto components = uniform_below(rng, 12);
  for (std::uint64_t c = 0; c < components; ++c) {
    const auto link = static_cast<std::uint32_t>(uniform_below(rng, kLinks));
    ContestedFlows it{.component = suspicious("c" + std::to_string(link), link, 9 * uniform(rng)),
                      .flows = {}};
    it.component.loss = 0.01 * uniform(rng);
    const auto flows = uniform_below(rng, 60);
    for (std::uint64_t f = 0; f < flows; ++f) {
      const auto source = static_cast<std::uint32_t>(1 + uniform_below(rng, 20));
      std::set<std::uint32_t> links{link};
      while (links.size() < 5) links.insert(static_cast<std::uint32_t>(uniform_below(rng, kLinks)));
      it.flows.push_back(
          flow(source, static_cast<std::uint32_t>(1 + (source + f) % 20),  // at times itself

               static_cast<std::uint16_t>(uniform_below(rng, 4)), {links.begin(), links.end()}));
    }
    input.contested.push_back(std::move(it));
  }
  return input;
}

void check_bounds(const AdaptiveConfig& config, const AdaptiveInput& input,
                  const ExtraFlows& extra) {
  std::map<FlowKey, std::vector<std::set<std::uint32_t>>> paths;
  for (const auto& it : input.contested) {
    for (const auto& known : it.flows) {
      paths[known.key].push_back({known.links.begin(), known.links.end()});
    }
  }
  const double unit = 1 / std::chrono::duration<double>(input.flow_interval).count();
  std::map<std::uint32_t, double> by_link;
  std::map<NodeId, double> by_node;
  std::map<NodeId, double> sent;
  for (const auto& [key, times] : extra.flows) {
    CHECK(times >= 2);
    CHECK(times <= kTimesMax);
    REQUIRE(paths.contains(key));
    // A key that the input gives several paths: only what all of them share is sure to carry it.
    auto shared = paths.at(key).front();
    for (const auto& path : paths.at(key)) {
      std::set<std::uint32_t> both;
      std::ranges::set_intersection(shared, path, std::inserter(both, both.end()));
      shared = both;
    }
    const double load = (times - 1) * unit;
    for (const auto link : shared) by_link[link] += load;
    by_node[key.source] += load;
    by_node[key.target] += load;
    sent[key.source] += load;
  }
  const double slack = 1e-6;
  for (const auto& [link, load] : by_link)
    CHECK(load <= config.link_packets_per_second_max + slack);
  for (const auto& [node, load] : by_node)
    CHECK(load <= config.node_packets_per_second_max + slack);
  for (const auto& [node, load] : sent) CHECK(load <= input.headroom.at(node) + slack);
  CHECK(extra.packets_per_second == Approx(per_second(extra, input)));
  CHECK(extra.life < input.window);
}

TEST_CASE(
    "whatever the input, no link, node or flow carries more than its bound, and the fleet never "
    "more than its share",
    "[plan][adaptive][property]") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    const AdaptiveConfig config{
        .extra_share = 0.001 + 0.049 * uniform(rng),
        .link_packets_per_second_max = static_cast<std::uint32_t>(1 + uniform_below(rng, 300)),
        .node_packets_per_second_max = static_cast<std::uint32_t>(1 + uniform_below(rng, 100))};
    AdaptiveProber prober(config);
    AdaptiveProber twin(config);
    Instant now{seconds{uniform_below(rng, 1000)}};
    Instant busy_until{};
    double planned = 0;
    double extra_packets = 0;
    for (int round = 0; round < 40; ++round) {
      const auto input = random_input(rng);
      const auto extra = prober.next(now, input);
      CHECK(extra == twin.next(now, input));  // deterministic
      if (!extra.flows.empty()) {
        CHECK(now >= busy_until);  // the round before has ended
        busy_until = now + extra.life;
      }
      check_bounds(config, input, extra);
      extra_packets += extra.packets_per_second * std::chrono::duration<double>(extra.life).count();
      CHECK(extra_packets <= config.extra_share * planned + 1e-6);
      const Duration step = std::chrono::milliseconds{uniform_below(rng, 20'000)};
      now += step;
      planned += input.packets_per_second_planned * std::chrono::duration<double>(step).count();
    }
    CHECK(prober.counters() == twin.counters());
  }
}

TEST_CASE("a flow tells about a component when it crosses that one alone and nothing bad",
          "[plan][adaptive]") {
  const std::vector<Contested> contested{
      suspicious("a", 1), suspicious("b", 2), {.id = "device over a", .links = {1, 5}}};
  const std::vector<std::uint32_t> bad{9};
  const std::vector<KnownFlow> flows{flow(1, 2, 1, {0, 1, 3, 4}), flow(1, 2, 2, {0, 1}),
                                     flow(1, 2, 3, {1, 2}),       flow(1, 2, 4, {1, 9}),
                                     flow(1, 2, 5, {0, 3, 7}),    flow(1, 2, 6, {2, 5})};
  const auto telling = telling_flows(contested, bad, flows, 10);
  REQUIRE(telling.size() == 2);  // the device shares a link with what is more likely
  CHECK(telling[0].component.id == "a");
  CHECK(telling[0].flows == std::vector{flows[1], flows[0]});  // the shorter one first
  CHECK(telling[1].component.id == "b");
  CHECK(telling[1].flows == std::vector{flows[5]});
}

TEST_CASE("the expected number of packets falls with the loss and grows with the background",
          "[plan][adaptive]") {
  const Standing standing{.log_bayes = 3, .log_odds = -3.6};
  const double usual = expected_packets(standing, 1e-3, 3e-4);
  CHECK(usual > 2'000);
  CHECK(usual < 20'000);
  CHECK(expected_packets(standing, 1e-2, 3e-4) < usual / 5);
  CHECK(expected_packets(standing, 1e-3, 3e-3) > usual * 3);
}

TEST_CASE(
    "a healthy component is confirmed no more often, and a faulty one cleared no more often, "
    "than the boundaries say",
    "[plan][adaptive][property]") {
  // Poisson losses, a simple hypothesis each way; the factor is exact, so Wald's bounds apply.
  const double background = 3e-4;
  const double loss = 1e-3;
  const double log_prior = -6.6;
  const double packets = 2'000;
  int confirmed_healthy = 0;
  int cleared_faulty = 0;
  const int runs = 3'000;
  for (int run = 0; run < 2 * runs; ++run) {
    const bool faulty = run % 2 == 1;
    Rng rng(static_cast<std::uint64_t>(run));
    std::poisson_distribution<int> lost(packets * (background + (faulty ? loss : 0)));
    double log_bayes = 0;
    std::optional<SequentialTest> test;
    for (int round = 0; round < 200; ++round) {
      log_bayes += lost(rng) * std::log1p(loss / background) - packets * loss;
      const Standing standing{.log_bayes = log_bayes, .log_odds = log_bayes + log_prior};
      if (!test && worth_testing(standing)) {
        test.emplace(standing, expected_packets(standing, loss, background));
      }
      if (!test) continue;
      const auto result = test->judge(standing);
      if (result == TestResult::kUndecided) continue;
      confirmed_healthy += !faulty && result == TestResult::kConfirmed ? 1 : 0;
      cleared_faulty += faulty && result == TestResult::kCleared ? 1 : 0;
      break;
    }
  }
  // 3,000 * e^-6.6 / 9 = 0.45 expected at most; 3,000 / 20 = 150.
  CHECK(confirmed_healthy <= 3);
  CHECK(cleared_faulty <= 150 + 3 * 12);
}

TEST_CASE("a configuration out of range says which field", "[plan][adaptive]") {
  CHECK(validate(AdaptiveConfig{}));
  CHECK_FALSE(validate(AdaptiveConfig{.extra_share = 0.06}));
  CHECK_FALSE(validate(AdaptiveConfig{.extra_share = 0}));
  CHECK_FALSE(validate(AdaptiveConfig{.link_packets_per_second_max = 0}));
  CHECK_FALSE(validate(AdaptiveConfig{.node_packets_per_second_max = 0}));
}

}  // namespace
}  // namespace faultline::plan
