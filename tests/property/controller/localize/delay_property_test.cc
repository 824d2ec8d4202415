#include "controller/localize/localizer.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/localize/delay_fabric.h"

namespace faultline::localize {
namespace {

std::string random_link(Rng& rng) {
  const std::string leaf = "leaf" + std::to_string(uniform_below(rng, 4) + 1);
  const std::string spine = "spine" + std::to_string(uniform_below(rng, 4) + 1);
  return uniform(rng) < 0.5 ? leaf + ">" + spine : spine + ">" + leaf;
}

SmallDelays random_clocks(Rng& rng) {
  SmallDelays delays;
  for (int host = 1; host <= 16; ++host) {
    delays.clock_us["h" + std::to_string(host)] = 1'000 * (uniform(rng) - 0.5);
  }
  return delays;
}

TEST_CASE("without a fault nobody is accused of delay, whatever the clocks say",
          "[localize][delay][property]") {
  int accused = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    const SmallFabric fabric{.windows = static_cast<int>(seed % 6) + 1, .background = 1e-5};
    const Verdict verdict = localize(random_clocks(rng).build(fabric.rows(seed), seed), {});
    accused += verdict.suspects.empty() && verdict.congested.empty() ? 0 : 1;
  }
  CHECK(accused == 0);
}

TEST_CASE("a slow link is named whatever it adds, and more the more it adds",
          "[localize][delay][property]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed);
    const std::string link = random_link(rng);
    SmallDelays delays = random_clocks(rng);
    const auto rows = SmallFabric{}.rows(seed);
    double before = 0;
    for (const double added : {80.0, 200.0, 1'000.0, 20'000.0}) {
      CAPTURE(seed, link, added);
      delays.added_us[link] = added;
      const Verdict verdict = localize(delays.build(rows, seed), {});
      REQUIRE(verdict.suspects.size() == 1);
      CHECK(verdict.suspects.front().id == link);
      const double found = verdict.suspects.front().delay_us.value_or(0);
      CHECK(found == Approx(added).epsilon(0.1).margin(15));
      CHECK(found > before);
      before = found;
    }
  }
}

TEST_CASE("a longer queue never turns congestion back into corruption",
          "[localize][congestion][property]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Rng rng(seed);
    const std::string link = random_link(rng);
    SmallFabric fabric{.packets = 500};
    fabric.loss[link] = 1e-3;
    const auto rows = fabric.rows(seed);
    bool excused = false;
    for (const double queued : {0.0, 20.0, 60.0, 200.0, 1'000.0, 5'000.0}) {
      CAPTURE(seed, link, queued);
      const SmallDelays delays{.queued_us = {{link, queued}}};
      const Verdict verdict = localize(delays.build(rows, seed), {});
      const bool accused = std::ranges::any_of(verdict.suspects, [&](const Suspect& it) {
        return it.id == link && it.fault_class == FaultClass::kLoss;
      });
      if (excused) CHECK_FALSE(accused);
      excused = !accused;
    }
    CHECK(excused);
  }
}

TEST_CASE("delays that say nothing change nothing", "[localize][delay][property]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    SmallFabric fabric{.packets = 100, .background = 1e-5};
    fabric.loss[random_link(rng)] = 0.01;
    const auto rows = fabric.rows(seed);
    const Verdict with = localize(random_clocks(rng).build(rows, seed), {});
    const Verdict without = localize(SmallFabric::build(rows), {});
    CHECK(with == without);
  }
}

}  // namespace
}  // namespace faultline::localize
