#include "controller/localize/size_classes.h"

#include "controller/localize/localizer.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/localize/small_fabric.h"

namespace faultline::localize {
namespace {

SmallFabric sized_fabric() {
  return {.packets = 20, .background = 1e-5, .sizes = {100, 1000, 1500}};
}

const Suspect* find(const Verdict& verdict, const std::string& id, FaultClass fault_class) {
  for (const Suspect& suspect : verdict.suspects) {
    if (suspect.id == id && suspect.fault_class == fault_class) return &suspect;
  }
  return nullptr;
}

TEST_CASE("a link that swallows large packets is named with the largest size that passes",
          "[size_classes]") {
  auto fabric = sized_fabric();
  fabric.mtu["leaf2>spine3"] = 1400;
  const Verdict verdict = localize(fabric.measure(1), {});
  REQUIRE(verdict.suspects.size() == 1);
  CHECK(verdict.suspects[0].id == "leaf2>spine3");
  CHECK(verdict.suspects[0].fault_class == FaultClass::kMtu);
  CHECK(verdict.suspects[0].mtu == 1000);
}

TEST_CASE("large packets that are lost only now and then are still a matter of size",
          "[size_classes]") {
  auto fabric = sized_fabric();
  fabric.mtu["leaf2>spine3"] = 500;
  fabric.mtu_loss = 0.3;
  const Verdict verdict = localize(fabric.measure(2), {});
  REQUIRE(verdict.suspects.size() == 1);
  CHECK(verdict.suspects[0].fault_class == FaultClass::kMtu);
  CHECK(verdict.suspects[0].mtu == 100);
}

TEST_CASE("a loss of all sizes is no matter of size", "[size_classes]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    auto fabric = sized_fabric();
    fabric.loss["leaf2>spine3"] = 0.02;
    const Verdict verdict = localize(fabric.measure(seed), {});
    REQUIRE(verdict.suspects.size() == 1);
    CHECK(verdict.suspects[0].fault_class == FaultClass::kLoss);
  }
}

TEST_CASE("a black hole of some flows of every size is no matter of size", "[size_classes]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    auto fabric = sized_fabric();
    fabric.black_hole["leaf2>spine3"] = 0.2;
    const Verdict verdict = localize(fabric.measure(seed), {});
    REQUIRE(verdict.suspects.size() == 1);
    CHECK(verdict.suspects[0].fault_class == FaultClass::kBlackhole);
  }
}

TEST_CASE("a small MTU and a loss at once are both named", "[size_classes]") {
  const std::string lossy = GENERATE("spine1>leaf4", "leaf2>spine2", "leaf2>spine3");
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(lossy, seed);
    auto fabric = sized_fabric();
    fabric.mtu["leaf2>spine3"] = 1400;
    fabric.loss[lossy] = 0.05;
    const Verdict verdict = localize(fabric.measure(seed), {});
    CHECK(verdict.suspects.size() == 2);
    const Suspect* mtu = find(verdict, "leaf2>spine3", FaultClass::kMtu);
    REQUIRE(mtu != nullptr);
    CHECK(mtu->mtu == 1000);
    CHECK(find(verdict, lossy, FaultClass::kLoss) != nullptr);
  }
}

TEST_CASE("two large flows that died among many small ones that did not are enough",
          "[size_classes]") {
  std::vector<SizedFlow> flows(50, SizedFlow{.size = 100, .units = 1});
  CHECK_FALSE(find_size_limit(flows).has_value());
  flows.push_back({.size = 1500, .units = 1, .bad = true});
  CHECK_FALSE(find_size_limit(flows).has_value());
  flows.push_back({.size = 1500, .units = 1, .bad = true});
  const auto limit = find_size_limit(flows);
  REQUIRE(limit.has_value());
  CHECK(limit->passes == 100);
  CHECK(limit->large_flows == 2);
  flows.insert(flows.end(), 20, SizedFlow{.size = 1500, .units = 1});
  CHECK_FALSE(find_size_limit(flows).has_value());
}

TEST_CASE("losses of small packets that another fault explains do not hide the limit",
          "[size_classes]") {
  std::vector<SizedFlow> flows;
  for (int i = 0; i < 60; ++i) {
    const bool large = i % 3 == 0;
    const bool shared = i % 4 == 0;
    flows.push_back({.size = large ? 1500U : 100U,
                     .units = 20,
                     .elsewhere = shared ? 2.0 : 0.0,
                     .bad = large || shared});
  }
  REQUIRE(find_size_limit(flows).has_value());
  for (SizedFlow& flow : flows) flow.elsewhere = 0;
  CHECK_FALSE(find_size_limit(flows).has_value());
}

}  // namespace
}  // namespace faultline::localize
