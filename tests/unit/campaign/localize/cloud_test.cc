// The cloud of the campaign: each kind of element is named for what it is.
#include "tests/campaign/localize/judge.h"
#include "tests/support/catch.h"

namespace faultline::campaign {
namespace {

Scenario cloud() {
  const auto it = std::ranges::find(scenarios(), "V1", &Scenario::name);
  REQUIRE(it != scenarios().end());
  Scenario scenario = *it;
  scenario.delays = false;
  return scenario;
}

TEST_CASE("a gateway that loses is named, and none of the tunnels that end there",
          "[campaign][cloud]") {
  // Seeds in which a gateway is broken, and in which it once fell apart.
  for (const std::uint64_t seed : {203, 238}) {
    CAPTURE(seed);
    const Case it = make_case(cloud(), seed);
    REQUIRE(it.truth.begin()->starts_with("gw"));
    const localize::Verdict verdict = localize::localize(it.set, {});
    REQUIRE(verdict.suspects.size() == 1);
    CHECK(verdict.suspects.front().id == *it.truth.begin());
    CHECK(verdict.suspects.front().kind == localize::SuspectKind::kGateway);
  }
}

TEST_CASE("a tunnel and a vSwitch that lose are named", "[campaign][cloud]") {
  for (const std::uint64_t seed : {204, 211}) {
    CAPTURE(seed);
    const Case it = make_case(cloud(), seed);
    const Marks marks = judge(it, accusations(it, localize::localize(it.set, {})));
    CHECK(marks.f1 == 1);
  }
}

TEST_CASE("a virtual machine that loses is named", "[campaign][cloud]") {
  Scenario scenario = cloud();
  scenario.devices = 0;
  scenario.hosts = 1;
  for (const std::uint64_t seed : {1, 2, 3}) {
    CAPTURE(seed);
    const Case it = make_case(scenario, seed);
    const localize::Verdict verdict = localize::localize(it.set, {});
    REQUIRE(verdict.suspects.size() == 1);
    CHECK(verdict.suspects.front().id == *it.truth.begin());
    CHECK(verdict.suspects.front().kind == localize::SuspectKind::kVm);
  }
}

}  // namespace
}  // namespace faultline::campaign
