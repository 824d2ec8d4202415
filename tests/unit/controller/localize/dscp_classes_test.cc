#include "controller/localize/dscp_classes.h"

#include "controller/localize/localizer.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/localize/small_fabric.h"

namespace faultline::localize {
namespace {

// Every second flow is of DSCP 46; `loss` is the share of that class that leaf2>spine3 loses, and
// `others` that of DSCP 0.
ObservationSet two_classes(double loss, double others, std::uint64_t seed) {
  SmallFabric fabric{.packets = 200, .background = 1e-5};
  std::vector<SmallFabric::Row> rows;
  for (const bool expedited : {true, false}) {
    fabric.loss["leaf2>spine3"] = expedited ? loss : others;
    for (SmallFabric::Row row : fabric.rows(seed + (expedited ? 0 : 500))) {
      row.observation.dscp = expedited ? 46 : 0;
      rows.push_back(std::move(row));
    }
  }
  return SmallFabric::build(rows);
}

TEST_CASE("a link that loses one DSCP class is named with the class and its rate",
          "[localize][dscp]") {
  const Verdict verdict = localize(two_classes(0.02, 0, 1), {});
  REQUIRE(verdict.suspects.size() == 1);
  const Suspect& suspect = verdict.suspects.front();
  CHECK(suspect.id == "leaf2>spine3");
  CHECK(suspect.fault_class == FaultClass::kLoss);
  REQUIRE(suspect.slice.has_value());
  CHECK(suspect.slice->starts_with("dscp 46 only"));
  CHECK(suspect.loss == Approx(0.02).epsilon(0.35));
}

TEST_CASE("a link that loses all classes alike is of no class", "[localize][dscp]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    const Verdict verdict = localize(two_classes(0.01, 0.01, seed), {});
    REQUIRE(verdict.suspects.size() == 1);
    CHECK_FALSE(verdict.suspects.front().slice.has_value());
  }
}

TEST_CASE("one class alone is no class", "[localize][dscp]") {
  CHECK_FALSE(find_dscp_class({{46, {0, 10, 0, true}}, {46, {0, 10, 0, true}}}));
}

}  // namespace
}  // namespace faultline::localize
