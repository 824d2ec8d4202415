// Hypervisors, zones and devices of parts: what is named, and beside what.
#include <set>

#include "controller/localize/bundle.h"
#include "controller/localize/localizer.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/localize/small_fabric.h"

namespace faultline::localize {
namespace {

// Three VMs on each of four hypervisors, which the traces do not show; two leaves, two spines.
class Cloud {
 public:
  enum class Sick { kVm, kHypervisor, kZone };

  static ObservationSet measure(Sick sick, std::uint64_t seed) {
    Rng rng(seed);
    ObservationSet set;
    for (int a = 0; a < kVms; ++a) {
      set.put_in(set.device(vm(a), DeviceKind::kVm), set.device(hypervisor(a)));
      set.put_in(set.device(vm(a)), set.device(zone(a), DeviceKind::kZone));
    }
    for (int a = 0; a < kVms; ++a) {
      for (int b = 0; b < kVms; ++b) {
        for (int i = 0; a != b && i < 4; ++i) add(set, rng, sick, a, b, i);
      }
    }
    return set;
  }

 private:
  static constexpr int kVms = 12;
  static std::string vm(int index) { return "vm" + std::to_string(index); }
  static std::string hypervisor(int index) { return "hv" + std::to_string(index / 3); }
  static std::string zone(int index) { return index < 6 ? "az1" : "az2"; }
  static std::string leaf(int index) { return index < 6 ? "leaf1" : "leaf2"; }
  static bool lossy(Sick sick, const std::string& from, const std::string& to) {
    const auto is_of = [&](const std::string& hop) {
      if (!hop.starts_with("vm")) return false;
      const int index = std::stoi(hop.substr(2));
      if (sick == Sick::kZone) return index < 6;
      return sick == Sick::kVm ? index == 4 : index >= 3 && index <= 5;
    };
    // What stays in the zone does not suffer.
    return sick == Sick::kZone ? is_of(from) != is_of(to) : is_of(from) || is_of(to);
  }

  static void add(ObservationSet& set, Rng& rng, Sick sick, int a, int b, int number) {
    std::vector<std::string> names{vm(a)};
    if (hypervisor(a) != hypervisor(b)) {
      names.push_back(leaf(a));
      if (leaf(a) != leaf(b)) {
        names.push_back("spine" + std::to_string(uniform_below(rng, 2)));
        names.push_back(leaf(b));
      }
    }
    names.push_back(vm(b));
    Observation row;
    std::vector<DeviceIndex> hops;
    double passes = 1;
    for (std::size_t i = 0; i < names.size(); ++i) {
      hops.push_back(set.device(names[i]));
      if (i > 0 && lossy(sick, names[i - 1], names[i])) passes *= 0.97;
    }
    row.src = hops.front();
    row.dst = hops.back();
    row.forward = set.route(set.path(hops));
    row.flow = set.flow(vm(a) + ":" + std::to_string(number) + ">" + vm(b));
    row.sent = 20;
    for (std::uint64_t i = 0; i < row.sent; ++i) row.lost += uniform(rng) >= passes ? 1 : 0;
    REQUIRE(set.add(row));
  }
};

TEST_CASE("a hypervisor that no trace shows is named for what befalls all its VMs",
          "[components]") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    const Verdict verdict = localize(Cloud::measure(Cloud::Sick::kHypervisor, seed), {});
    REQUIRE(verdict.suspects.size() == 1);
    CHECK(verdict.suspects[0].id == "hv1");
    CHECK(verdict.suspects[0].kind == SuspectKind::kHypervisor);
  }
}

TEST_CASE("a zone is named for what befalls all that leaves it", "[components]") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    const Verdict verdict = localize(Cloud::measure(Cloud::Sick::kZone, seed), {});
    REQUIRE(verdict.suspects.size() == 1);
    CHECK(verdict.suspects[0].id == "az1");
    CHECK(verdict.suspects[0].kind == SuspectKind::kZone);
  }
}

TEST_CASE("one VM that is sick is not its hypervisor", "[components]") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    const Verdict verdict = localize(Cloud::measure(Cloud::Sick::kVm, seed), {});
    REQUIRE(verdict.suspects.size() == 1);
    CHECK(verdict.suspects[0].id == "vm4");
    CHECK(verdict.suspects[0].kind == SuspectKind::kVm);
    for (const auto& member : verdict.suspects[0].ambiguous_with) CHECK(member != "hv1");
  }
}

TEST_CASE("a hypervisor that traces do show is told from its uplink and its VMs", "[components]") {
  const std::string sick = GENERATE("hv", "hv=leaf", "vm1");
  Rng rng(7);
  ObservationSet set;
  const auto lossy = [&](const std::string& from, const std::string& to) {
    if (sick == "hv=leaf") return std::set{from, to} == std::set<std::string>{"hv", "leaf"};
    return from == sick || to == sick;
  };
  const auto add = [&](const std::vector<std::string>& names, int number) {
    Observation row;
    std::vector<DeviceIndex> hops;
    double passes = 1;
    for (std::size_t i = 0; i < names.size(); ++i) {
      hops.push_back(set.device(names[i]));
      if (i > 0 && lossy(names[i - 1], names[i])) passes *= 0.97;
    }
    row.src = hops.front();
    row.dst = hops.back();
    row.forward = set.route(set.path(hops));
    row.flow = set.flow(names.front() + ":" + std::to_string(number) + ">" + names.back());
    row.sent = 50;
    for (std::uint64_t i = 0; i < row.sent; ++i) row.lost += uniform(rng) >= passes ? 1 : 0;
    REQUIRE(set.add(row));
  };
  const std::vector<std::string> vms{"vm1", "vm2", "vm3"};
  set.device("hv", DeviceKind::kHypervisor);
  for (const auto& vm : vms) set.device(vm, DeviceKind::kVm);
  for (int i = 0; i < 8; ++i) {
    for (const auto& a : vms) {
      for (const std::string far : {"h8", "h9"}) {
        add({a, "hv", "leaf", far}, i);
        add({far, "leaf", "hv", a}, i);
      }
      for (const auto& b : vms) {
        if (a != b) add({a, "hv", b}, i);
      }
    }
    add({"h8", "leaf", "h9"}, i);
  }
  const Verdict verdict = localize(set, {});
  REQUIRE(verdict.suspects.size() == 1);
  CHECK(verdict.suspects[0].id == sick);
}

TEST_CASE("half of a device's links: the device, with the odds of the exact set of links",
          "[components]") {
  SmallFabric fabric{.packets = 100};
  const std::vector<std::string> bad{"spine2>leaf1", "leaf2>spine2", "spine2>leaf3",
                                     "leaf4>spine2"};
  for (const auto& link : bad) fabric.loss[link] = 0.02;
  const Verdict verdict = localize(fabric.measure(3), {});
  REQUIRE(verdict.suspects.size() == 1);
  CHECK(verdict.suspects[0].id == "spine2");
  REQUIRE_FALSE(verdict.suspects[0].alternatives.empty());
  const Alternative& links = verdict.suspects[0].alternatives[0];
  for (const auto& link : bad) CHECK_THAT(links.id, Catch::Contains(link));
  CHECK(links.odds_against > 1);
}

TEST_CASE("two links of one device are named, with the odds of the device", "[components]") {
  SmallFabric fabric{.packets = 100};
  fabric.loss["spine2>leaf1"] = 0.02;
  fabric.loss["leaf3>spine2"] = 0.02;
  const Verdict verdict = localize(fabric.measure(4), {});
  REQUIRE(verdict.suspects.size() == 2);
  for (const Suspect& suspect : verdict.suspects) {
    CHECK(suspect.kind == SuspectKind::kLink);
    const auto device = std::ranges::find(suspect.alternatives, "spine2", &Alternative::id);
    REQUIRE(device != suspect.alternatives.end());
    CHECK(device->odds_against > 1);
  }
}

TEST_CASE("hosts that half of a sick switch cuts off are no faults of their own", "[components]") {
  SmallFabric fabric{.packets = 100};
  for (const std::string link : {"leaf1>h1", "h1>leaf1", "leaf1>h2", "h2>leaf1", "leaf1>h3",
                                 "leaf1>spine1", "spine2>leaf1", "leaf1>spine3"}) {
    fabric.loss[link] = 0.02;
  }
  const Verdict verdict = localize(fabric.measure(5), {});
  REQUIRE(verdict.suspects.size() == 1);
  CHECK(verdict.suspects[0].id == "leaf1");
}

TEST_CASE("unlike faults of two links of one spine are not the spine", "[components]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    SmallFabric fabric{.packets = 20, .sizes = {100, 1000, 1500}};
    fabric.mtu["leaf2>spine2"] = 1400;
    fabric.black_hole["leaf1>spine2"] = 0.2;
    const Verdict verdict = localize(fabric.measure(seed), {});
    for (const Suspect& suspect : verdict.suspects) CHECK(suspect.id != "spine2");
    CHECK(verdict.suspects.size() == 2);
  }
}

TEST_CASE("memberships survive a bundle", "[components][bundle]") {
  const auto set = Cloud::measure(Cloud::Sick::kHypervisor, 1);
  std::string text;
  write_bundle(set, "test", [&](std::string_view line) {
    text += line;
    return true;
  });
  CHECK(text.find(R"("hypervisor":"hv1")") != std::string::npos);
  CHECK(text.find(R"("zone":"az1")") != std::string::npos);
  const auto again = read_bundle(text);
  REQUIRE(again.has_value());
  CHECK(again->memberships().size() == set.memberships().size());
  CHECK(localize(*again, {}) == localize(set, {}));
  CHECK_FALSE(read_bundle(R"({"device":"v","labels":{"hypervisor":"v"}})").has_value());
  CHECK_FALSE(read_bundle(R"({"device":"v","labels":7})").has_value());
}

TEST_CASE("a black hole of long flows is found though every flow loses some packets",
          "[components]") {
  constexpr std::uint64_t kPackets = 700'000;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    auto rows = SmallFabric{.hosts_per_leaf = 2, .black_hole = {{"leaf1>spine2", 0.3}}}.rows(seed);
    Rng rng(seed);
    for (auto& row : rows) {
      const bool dead = row.observation.lost == row.observation.sent;
      row.observation.sent = kPackets;
      // About 1e-5 per hop.
      row.observation.lost = dead ? kPackets : 14 + uniform_below(rng, 7 * row.hops.size());
    }
    const Verdict verdict = localize(SmallFabric::build(rows), {});
    REQUIRE(verdict.suspects.size() == 1);
    CHECK(verdict.suspects[0].id == "leaf1>spine2");
    CHECK(verdict.suspects[0].fault_class == FaultClass::kBlackhole);
  }
}

}  // namespace
}  // namespace faultline::localize
