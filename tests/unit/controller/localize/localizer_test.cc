#include "controller/localize/localizer.h"

#include "tests/support/catch.h"
#include "tests/unit/controller/localize/small_fabric.h"

namespace faultline::localize {
namespace {

std::vector<std::string> ids(const Verdict& verdict) {
  std::vector<std::string> result;
  for (const Suspect& suspect : verdict.suspects) result.push_back(suspect.id);
  return result;
}

using Ids = std::vector<std::string>;

void add_row(ObservationSet& set, std::initializer_list<const char*> names, std::uint64_t sent,
             std::uint64_t lost, const char* flow = "") {
  std::vector<DeviceIndex> hops;
  for (const char* name : names) hops.push_back(set.device(name));
  Observation row;
  row.src = hops.front();
  row.dst = hops.back();
  row.forward = set.route(set.path(hops));
  row.flow = set.flow(flow);
  row.sent = sent;
  row.lost = lost;
  REQUIRE(set.add(row));
}

TEST_CASE("without any observation there is not enough data", "[localize]") {
  const Verdict verdict = localize(ObservationSet{}, {});
  CHECK(verdict.suspects.empty());
  CHECK_FALSE(verdict.enough_data);
}

TEST_CASE("a fabric without loss accuses nobody", "[localize]") {
  const Verdict verdict = localize(SmallFabric{}.measure(1), {});
  CHECK(verdict.suspects.empty());
  CHECK(verdict.enough_data);
  CHECK(verdict.unexplained_bad_flows == 0);
  CHECK(verdict.components == 64);
}

TEST_CASE("stray losses all over the fabric accuse nobody", "[localize]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    CHECK(ids(localize(SmallFabric{.background = 1e-4}.measure(seed), {})) == Ids{});
  }
}

TEST_CASE("one percent on a fabric link is found in one window, its direction right",
          "[localize]") {
  const auto set = SmallFabric{.packets = 20, .loss = {{"leaf2>spine3", 0.02}}}.measure(3);
  const Verdict verdict = localize(set, {});
  REQUIRE(ids(verdict) == Ids{"leaf2>spine3"});
  const Suspect& suspect = verdict.suspects.front();
  CHECK(suspect.kind == SuspectKind::kLink);
  CHECK(suspect.from == "leaf2");
  CHECK(suspect.to == "spine3");
  CHECK(suspect.fault_class == FaultClass::kLoss);
  CHECK(suspect.posterior > 0.99);
  CHECK(suspect.loss_low < 0.02);
  CHECK(suspect.loss_high > 0.02);
  CHECK(suspect.evidence.bad_flows_crossing == suspect.evidence.bad_flows);
  CHECK(suspect.evidence.bad_flows + suspect.evidence.good_flows == 1920);
}

TEST_CASE("a black hole for an eighth of the flows is named as such", "[localize]") {
  const auto set = SmallFabric{.black_hole = {{"spine1>leaf4", 0.125}}}.measure(5);
  const Verdict verdict = localize(set, {});
  REQUIRE(ids(verdict) == Ids{"spine1>leaf4"});
  CHECK(verdict.suspects.front().fault_class == FaultClass::kBlackhole);
  REQUIRE(verdict.suspects.front().slice.has_value());
  CHECK_THAT(*verdict.suspects.front().slice, Catch::Contains("% of flows"));
}

TEST_CASE("a slice that is one port is named by it", "[localize]") {
  ObservationSet set;
  for (int i = 0; i < 40; ++i) {
    const bool dead = i % 4 == 0;
    const std::string flow =
        "10.0.0.1:" + std::to_string(50'000 + i) + " " + (dead ? "443" : "862");
    add_row(set, {"a", "s", "t", "b"}, 20, dead ? 20 : 0, flow.c_str());
    add_row(set, {"a", "s", "c"}, 20, 0, flow.c_str());
    add_row(set, {"d", "t", "b"}, 20, 0, flow.c_str());
  }
  const Verdict verdict = localize(set, {});
  REQUIRE(ids(verdict) == Ids{"s>t"});
  CHECK(verdict.suspects.front().slice ==
        "flow field 3 = 443: 25 % of flows (10 of 40 that cross)");
}

TEST_CASE("a spine that harms all its links is one device", "[localize]") {
  SmallFabric fabric;
  for (int leaf = 1; leaf <= 4; ++leaf) {
    fabric.loss["leaf" + std::to_string(leaf) + ">spine2"] = 0.02;
    fabric.loss["spine2>leaf" + std::to_string(leaf)] = 0.02;
  }
  const Verdict verdict = localize(fabric.measure(7), {});
  REQUIRE(ids(verdict) == Ids{"spine2"});
  const Suspect& suspect = verdict.suspects.front();
  CHECK(suspect.kind == SuspectKind::kDevice);
  CHECK(suspect.loss == Approx(0.02).epsilon(0.25));
  CHECK_FALSE(suspect.alternatives.empty());
}

TEST_CASE("a cut cable is down in both directions", "[localize]") {
  const auto set = SmallFabric{.loss = {{"leaf1>spine1", 1.0}, {"spine1>leaf1", 1.0}}}.measure(9);
  const Verdict verdict = localize(set, {});
  REQUIRE(ids(verdict) == Ids{"leaf1=spine1"});
  CHECK(verdict.suspects.front().kind == SuspectKind::kCable);
  CHECK(verdict.suspects.front().fault_class == FaultClass::kDown);
}

TEST_CASE("a host and its only cable are one ambiguity group", "[localize]") {
  const auto set = SmallFabric{.loss = {{"h6>leaf2", 0.03}, {"leaf2>h6", 0.03}}}.measure(11);
  const Verdict verdict = localize(set, {});
  REQUIRE(ids(verdict) == Ids{"h6"});
  CHECK(verdict.suspects.front().kind == SuspectKind::kHost);
  CHECK(verdict.suspects.front().ambiguous_with == Ids{"h6=leaf2"});
  CHECK(verdict.suspects.front().packets_to_split.has_value());
}

TEST_CASE("one direction of a host's link is not the host", "[localize]") {
  const auto set = SmallFabric{.loss = {{"leaf2>h6", 0.03}}}.measure(11);
  CHECK(ids(localize(set, {})) == Ids{"leaf2>h6"});
}

TEST_CASE("a prober that says it is sick is suspected before the network", "[localize]") {
  auto set = SmallFabric{.loss = {{"h6>leaf2", 0.03}, {"leaf2>h6", 0.03}}}.measure(11);
  set.add_health({set.device("h6"), kNoTime, 0.9, "cpu throttled"});
  const Verdict verdict = localize(set, {});
  REQUIRE(ids(verdict) == Ids{"h6"});
  CHECK(verdict.suspects.front().fault_class == FaultClass::kSickHost);
}

TEST_CASE("a prober that drops what it receives is named for it, and its last link for more",
          "[localize]") {
  for (const auto& [dropped, is_its_own] : {std::pair(0.02, true), std::pair(0.001, false)}) {
    CAPTURE(dropped);
    auto set = SmallFabric{.loss = {{"leaf2>h6", 0.03}}}.measure(11);
    set.add_health({set.device("h6"), kNoTime, kSickPerLoss * dropped, "packets dropped"});
    const Verdict verdict = localize(set, {});
    REQUIRE(ids(verdict) == Ids{is_its_own ? "h6" : "leaf2>h6"});
    const auto& suspect = verdict.suspects.front();
    CHECK((suspect.fault_class == FaultClass::kSickHost) == is_its_own);
    CHECK((suspect.kind == SuspectKind::kHost) == is_its_own);
  }
}

TEST_CASE("links that the same flows cross are reported together", "[localize]") {
  ObservationSet set;
  for (int i = 0; i < 20; ++i) {
    const std::string flow = std::to_string(i);
    add_row(set, {"a", "r1", "r2", "r3", "b"}, 100, i % 2 == 0 ? 4 : 3, flow.c_str());
    add_row(set, {"a", "r1", "x"}, 100, 0, flow.c_str());
    add_row(set, {"y", "r3", "b"}, 100, 0, flow.c_str());
  }
  const Verdict verdict = localize(set, {});
  REQUIRE(verdict.suspects.size() == 1);
  Ids group = verdict.suspects.front().ambiguous_with;
  group.push_back(verdict.suspects.front().id);
  CHECK(std::ranges::count(group, "r1>r2") == 1);
  CHECK(std::ranges::count(group, "r2>r3") == 1);
  CHECK(std::ranges::count(group, "a>r1") == 0);
  CHECK(verdict.suspects.front().posterior > 0.9);
}

TEST_CASE("one flow that dies alone accuses nobody", "[localize]") {
  auto rows = SmallFabric{}.rows(13);
  rows[700].observation.lost = rows[700].observation.sent;
  const Verdict verdict = localize(SmallFabric::build(rows), {});
  CHECK(verdict.suspects.empty());
  CHECK(verdict.unexplained_bad_flows == 1);
}

TEST_CASE("the onset is the start of the first bad window", "[localize]") {
  SmallFabric healthy{.windows = 6};
  SmallFabric broken{.windows = 6, .loss = {{"leaf2>spine3", 0.05}}};
  auto rows = healthy.rows(15);
  const auto bad = broken.rows(15);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].observation.time_s > 1'790'000'030) rows[i] = bad[i];
  }
  const Verdict verdict = localize(SmallFabric::build(rows), {});
  REQUIRE(ids(verdict) == Ids{"leaf2>spine3"});
  CHECK(verdict.suspects.front().since_s == 1'790'000'030);
  CHECK(verdict.suspects.front().loss == Approx(0.05).epsilon(0.4));
}

TEST_CASE("a fault that healed inside the span is over, and one that goes on is not",
          "[localize]") {
  const auto rows_until = [](std::int64_t healed_s, std::uint64_t seed) {
    auto rows = SmallFabric{.windows = 12}.rows(seed);
    const auto bad = SmallFabric{.windows = 12, .loss = {{"leaf2>spine3", 0.05}}}.rows(seed);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto time_s = rows[i].observation.time_s;
      if (time_s > 1'790'000'030 && time_s <= healed_s) rows[i] = bad[i];
    }
    return rows;
  };
  const auto first = [](const std::vector<SmallFabric::Row>& rows) {
    const Verdict verdict = localize(SmallFabric::build(rows), {});
    REQUIRE(ids(verdict) == Ids{"leaf2>spine3"});
    return verdict.suspects.front();
  };
  for (std::uint64_t seed = 19; seed < 24; ++seed) {
    CAPTURE(seed);
    const auto healed = first(rows_until(1'790'000'070, seed));
    CHECK(healed.since_s == 1'790'000'030);
    CHECK(healed.last_seen_s == 1'790'000'070);
    CHECK(healed.over);
    CHECK(healed.loss == Approx(0.05).epsilon(0.4));  // while it lasted
    const auto lasting = first(rows_until(1'790'000'999, seed));
    CHECK_FALSE(lasting.over);
    CHECK(lasting.last_seen_s == 1'790'000'120);
  }
}

TEST_CASE("windows outside the horizon do not count", "[localize]") {
  const auto set = SmallFabric{.windows = 2, .loss = {{"leaf2>spine3", 0.05}}}.measure(17);
  CHECK(localize(set, {.after_s = 1'790'000'020}).observations == 0);
  CHECK(localize(set, {.after_s = 1'790'000'010}).observations == 1920);
  CHECK(localize(set, {.until_s = 1'790'000'010}).observations == 1920);
}

TEST_CASE("round trips without any reply still point at the common link", "[localize]") {
  ObservationSet set;
  for (int i = 0; i < 32; ++i) {
    const std::string spine = "spine" + std::to_string(i % 4 + 1);
    const std::string back = "spine" + std::to_string(i / 4 % 4 + 1);
    const bool dead = spine == "spine2";
    Observation row;
    const DeviceIndex a = set.device("a");
    const DeviceIndex b = set.device("b");
    const std::vector<DeviceIndex> there{a, set.device("leaf1"), set.device(spine),
                                         set.device("leaf2"), b};
    const std::vector<DeviceIndex> home{b, set.device("leaf2"), set.device(back),
                                        set.device("leaf1"), a};
    row.src = a;
    row.dst = b;
    row.forward = set.route(set.path(there));
    if (dead) row.back = set.route(set.path(home));
    row.flow = set.flow(std::to_string(i));
    row.sent = 20;
    row.lost = dead ? 20 : 0;
    REQUIRE(set.add(row));
  }
  const Verdict verdict = localize(set, {});
  REQUIRE(verdict.suspects.size() == 1);
  Ids group = verdict.suspects.front().ambiguous_with;
  group.push_back(verdict.suspects.front().id);
  CHECK(std::ranges::count(group, "leaf1>spine2") == 1);
  CHECK(std::ranges::count(group, "spine1>leaf1") == 0);
  CHECK(verdict.suspects.front().fault_class == FaultClass::kDown);
}

TEST_CASE("a silent spine is found among the candidates that could have been silent",
          "[localize]") {
  auto rows = SmallFabric{.packets = 20, .loss = {{"leaf2>spine3", 0.05}}}.rows(19);
  ObservationSet set;
  for (auto& row : rows) {
    if (row.hops.size() == 5 && row.hops[2] == "spine3") row.hops[2] = "*";
  }
  set = SmallFabric::build(rows);
  for (int leaf = 1; leaf <= 4; ++leaf) {
    const DeviceIndex it = set.device("leaf" + std::to_string(leaf));
    REQUIRE(set.link(it, set.device("spine3"), {}));
    REQUIRE(set.link(set.device("spine3"), it, {}));
  }
  const Verdict verdict = localize(set, {});
  REQUIRE(verdict.suspects.size() == 1);
  CHECK(verdict.suspects.front().id == "leaf2>spine3");
}

TEST_CASE("what is too weak to be accused is a near miss, if one asks for these", "[localize]") {
  const auto set =
      SmallFabric{
          .packets = 20, .windows = 2, .loss = {{"leaf2>spine3", 0.0025}}, .background = 2e-4}
          .measure(4);
  CHECK(localize(set, {}).near_misses.empty());
  const Verdict verdict = localize(set, {.near_misses_max = 8});
  CHECK(ids(verdict) == Ids{});
  REQUIRE_FALSE(verdict.near_misses.empty());
  CHECK(verdict.near_misses.size() <= 8);
  const NearMiss& first = verdict.near_misses.front();
  CHECK(first.id == "leaf2>spine3");
  CHECK(first.kind == SuspectKind::kLink);
  CHECK(first.log_bayes > 1);
  CHECK(first.log_odds < 0);
  CHECK(first.loss == Approx(0.0025).epsilon(0.7));
}

}  // namespace
}  // namespace faultline::localize
