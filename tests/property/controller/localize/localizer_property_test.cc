#include <cmath>

#include "controller/localize/localizer.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/localize/small_fabric.h"

namespace faultline::localize {
namespace {

// One fault of a random kind somewhere in a small fabric.
SmallFabric random_fault(std::uint64_t seed) {
  Rng rng(seed);
  SmallFabric fabric{.background = 1e-5};
  const std::string leaf = "leaf" + std::to_string(uniform_below(rng, 4) + 1);
  const std::string spine = "spine" + std::to_string(uniform_below(rng, 4) + 1);
  const bool up = uniform(rng) < 0.5;
  const std::string link = up ? leaf + ">" + spine : spine + ">" + leaf;
  if (uniform(rng) < 0.3) {
    fabric.black_hole[link] = 0.2;
  } else {
    fabric.loss[link] = std::exp(std::log(0.01) * uniform(rng));
  }
  return fabric;
}

std::string only_fault(const SmallFabric& fabric) {
  return fabric.loss.empty() ? fabric.black_hole.begin()->first : fabric.loss.begin()->first;
}

TEST_CASE("the order of observations does not matter", "[localize][property]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    auto rows = random_fault(seed).rows(seed);
    const Verdict in_order = localize(SmallFabric::build(rows), {});
    Rng rng(seed + 100);
    std::ranges::shuffle(rows, rng);
    const Verdict shuffled = localize(SmallFabric::build(rows), {});
    REQUIRE(shuffled.suspects.size() == in_order.suspects.size());
    for (std::size_t i = 0; i < in_order.suspects.size(); ++i) {
      CHECK(shuffled.suspects[i].id == in_order.suspects[i].id);
      CHECK(shuffled.suspects[i].posterior == Approx(in_order.suspects[i].posterior));
      CHECK(shuffled.suspects[i].loss == Approx(in_order.suspects[i].loss));
      CHECK(shuffled.suspects[i].evidence == in_order.suspects[i].evidence);
    }
  }
}

TEST_CASE("a verdict is the same each time", "[localize][property]") {
  const ObservationSet set = random_fault(3).measure(3);
  CHECK(localize(set, {}) == localize(set, {}));
}

TEST_CASE("a single fault is named first, and nothing else is", "[localize][property]") {
  int missed = 0;
  int wrong = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    const SmallFabric fabric = random_fault(seed);
    const Verdict verdict = localize(fabric.measure(seed), {});
    const bool right = !verdict.suspects.empty() && verdict.suspects[0].id == only_fault(fabric);
    missed += !right;
    wrong += verdict.suspects.size() > 1;
  }
  CHECK(missed <= 3);
  CHECK(wrong == 0);
}

TEST_CASE("a lossy link is named at any rate, however many packets each flow sent",
          "[localize][property]") {
  for (const std::uint64_t packets : {60U, 600U, 3'600U}) {
    for (const double loss : {0.02, 0.05, 0.1, 0.2, 0.36, 0.45, 0.5, 0.62, 0.8, 0.9, 0.96, 1.0}) {
      CAPTURE(packets, loss);
      SmallFabric fabric{.flows_per_pair = 4, .packets = packets, .background = 1e-5};
      fabric.loss["leaf2>spine3"] = loss;
      const Verdict verdict = localize(fabric.measure(1), {});
      REQUIRE(verdict.suspects.size() == 1);
      CHECK(verdict.suspects[0].id == "leaf2>spine3");
      CHECK(verdict.suspects[0].loss == Approx(loss).epsilon(0.25));
    }
  }
}

TEST_CASE("components that the same flows cross are one group at any rate",
          "[localize][property]") {
  for (const std::uint64_t lost : {10U, 50U, 100U, 300U, 500U, 900U}) {
    CAPTURE(lost);
    SmallFabric::Row row{.observation = {}, .hops = {"a", "s", "b"}, .flow = "one"};
    row.observation.sent = 1'000;
    row.observation.lost = lost;
    const Verdict verdict = localize(SmallFabric::build({row}), {});
    REQUIRE(verdict.suspects.size() == 1);
    CHECK(verdict.suspects[0].ambiguous_with.size() == 4);
  }
}

// log of the likelihood of all flows integrated over the rate of one faulty link, by brute force.
double brute_force(const std::vector<SmallFabric::Row>& rows, const std::string& link) {
  constexpr int kPoints = 100;
  constexpr double kBackground = 1e-5;
  std::vector<double> crossings;
  for (const auto& row : rows) {
    double count = 0;
    for (std::size_t j = 1; j < row.hops.size(); ++j) {
      count += row.hops[j - 1] + ">" + row.hops[j] == link ? 1 : 0;
    }
    crossings.push_back(count);
  }
  std::vector<double> logs;
  for (int i = 0; i < kPoints; ++i) {
    const double exponent = std::exp(std::log(3e-4) + (std::log(8) - std::log(3e-4)) * i / kPoints);
    double sum = 0;
    for (std::size_t j = 0; j < rows.size(); ++j) {
      const auto& row = rows[j];
      const double x =
          kBackground * static_cast<double>(row.hops.size() - 1) + exponent * crossings[j];
      const auto lost = static_cast<double>(row.observation.lost);
      const auto sent = static_cast<double>(row.observation.sent);
      sum += (lost > 0 ? lost * std::log(-std::expm1(-x)) : 0) - (sent - lost) * x;
    }
    logs.push_back(sum);
  }
  const double high = *std::ranges::max_element(logs);
  double total = 0;
  for (const double value : logs) total += std::exp(value - high);
  return high + std::log(total / kPoints);
}

TEST_CASE("the first suspect is the best single link of a brute-force search",
          "[localize][property]") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    SmallFabric fabric{.leaves = 3, .spines = 2, .hosts_per_leaf = 2, .packets = 20};
    const char* links[] = {"leaf1>spine1", "spine2>leaf3", "h2>leaf1"};
    fabric.loss[links[seed % 3]] = 0.02 + 0.01 * static_cast<double>(seed % 5);
    const auto rows = fabric.rows(seed);
    const ObservationSet set = SmallFabric::build(rows);
    std::string best;
    double best_value = -1e300;
    for (const Link& link : set.links()) {
      const double value = brute_force(rows, link.id);
      if (value > best_value) {
        best_value = value;
        best = link.id;
      }
    }
    const Verdict verdict = localize(set, {});
    REQUIRE_FALSE(verdict.suspects.empty());
    CHECK(verdict.suspects.front().id == best);
  }
}

TEST_CASE("healthy fabrics of any usual background stay silent", "[localize][property]") {
  int accused = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const double background = seed % 2 == 0 ? 1e-4 : 2e-5;
    const SmallFabric fabric{.windows = static_cast<int>(seed % 3) + 1, .background = background};
    accused += !localize(fabric.measure(seed), {}).suspects.empty();
  }
  CHECK(accused == 0);
}

}  // namespace
}  // namespace faultline::localize
