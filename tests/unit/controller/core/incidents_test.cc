// What stands around a suspect, and what operators do to incidents.
#include "controller/core/blast_radius.h"
#include "controller/core/selector_check.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/core/bench.h"
#include "tests/unit/controller/core/fabric.h"

namespace faultline::core {
namespace {

using Names = std::vector<std::string>;

// h1 and h2 in rack r1, h3 and h4 in r2, all in one zone; h4 is a VM on h3.
fleet::Fleet labelled_fleet() {
  fleet::Fleet fleet(seconds{5});
  for (std::uint8_t i = 1; i <= 4; ++i) {
    Labels labels{{"rack", i <= 2 ? "r1" : "r2"}, {"zone", "east"}};
    if (i == 4) labels["hypervisor"] = "h3";
    const auto name = "h" + std::to_string(i);
    REQUIRE(fleet.add_node({.name = name, .key = key_of(i), .labels = labels}, {}));
    auto profile = Bench::profile(i);
    profile.kind = i == 4 ? NodeKind::kVm : NodeKind::kHost;
    REQUIRE(
        fleet.hello(key_of(i), Hello{.software = "t", .boot = BootId{i}, .profile = profile}, {}));
  }
  return fleet;
}

incident::Suspect described(const std::string& id, Names ambiguous = {}, Names affected = {}) {
  const auto fleet = labelled_fleet();
  const Fabric fabric;
  const auto component = incident::component_from_id(id);
  incident::Suspect suspect;
  suspect.id = id;
  suspect.from = component.from;
  suspect.to = component.to;
  suspect.ambiguous_with = std::move(ambiguous);
  suspect.affected = std::move(affected);
  const Surroundings::Attachments attachments{
      {"h1", "leafA"}, {"h2", "leafA"}, {"h3", "leafB"}, {"h4", "leafB"}};
  Surroundings(fleet, *fabric.topology, attachments).describe(suspect);
  return suspect;
}

Names racks_of(const incident::Suspect& suspect) {
  const auto racks = suspect.labels.find("rack");
  return racks == suspect.labels.end() ? Names{} : racks->second;
}

TEST_CASE("a component has the labels of its place", "[core]") {
  CHECK(racks_of(described("h1")) == Names{"r1"});
  CHECK(described("h1").labels.at("node") == Names{"h1"});
  CHECK(racks_of(described("leafA")) == Names{"r1"});
  CHECK(described("leafA").labels.count("node") == 0);
  CHECK(racks_of(described("leafA>spine1")) == Names{"r1"});
  CHECK(racks_of(described("spine1")).empty());
  CHECK(racks_of(described("spine1", {"spine1>leafB"})) == Names{"r2"});
}

std::string refusal_of(const incident::Selector& selector) {
  const auto fleet = labelled_fleet();
  const Fabric fabric;
  fabric.topology->settle();
  const auto checked = check_selector(selector, fleet, *fabric.topology, *fabric.paths, {});
  return checked ? "" : checked.error().context;
}

TEST_CASE("a selector that names what there is not is refused, with the nearest name", "[core]") {
  CHECK(refusal_of({{"node", {"h1", "h4"}}, {"rack", {"r2"}}}).empty());
  CHECK(refusal_of({{"component", {"leafA", "leafA>spine1", "spine1=leafB", "h3"}}}).empty());
  CHECK(refusal_of({{"class", {"loss"}}}).empty());
  CHECK(refusal_of({{"node", {"h1", "h44"}}}) ==
        "no node is called h44 (see `faultline node list`); did you mean h4?");
  CHECK(refusal_of({{"rack", {"R1"}}}) == "no node has the label rack=R1; did you mean r1?");
  CHECK(refusal_of({{"rack", {"cellar"}}}) == "no node has the label rack=cellar; there is r1, r2");
  CHECK(refusal_of({{"color", {"red"}}}) == "no node has the label color=red");
  CHECK(refusal_of({{"component", {"leafA>spain1"}}}) ==
        "no device or node is called spain1 (see `faultline topology show`); did you mean spine1?");
}

TEST_CASE("a link that is not there is refused, though both its ends are", "[core]") {
  CHECK(refusal_of({{"component", {"spine1>leafA", "leafB=spine2"}}}).empty());
  CHECK(refusal_of({{"component", {"spine1>spine2"}}}) ==
        "no link or cable spine1>spine2 is known (see `faultline topology show`); there is "
        "leafA>spine2, leafB>spine2, spine1>leafA, spine1>leafB");
  CHECK(refusal_of({{"component", {"leafA>spine1#2"}}}).find("leafA>spine1#2") !=
        std::string::npos);
  // Before anything was traced nobody knows what there is.
  const auto fleet = labelled_fleet();
  topology::Topology untraced;
  untraced.settle();
  CHECK(check_selector({{"component", {"h1>h2"}}}, fleet, untraced, {}, {}));
}

TEST_CASE("a host hangs on its only switch, a VM on its hypervisor and what that hangs on",
          "[core]") {
  CHECK(described("h1").depends_on == Names{"leafA"});
  CHECK(described("h4").depends_on == Names{"h3", "leafB"});
  CHECK(described("h1>leafA").depends_on.empty());
  CHECK(described("leafA").depends_on.empty());
}

TEST_CASE("the blast radius names VMs, racks and zones of the nodes that suffer", "[core]") {
  const auto suspect = described("spine1", {}, {"h2", "h4", "nobody"});
  CHECK(suspect.affected_vms == Names{"h4"});
  CHECK(suspect.affected_racks == Names{"r1", "r2"});
  CHECK(suspect.affected_zones == Names{"east"});
}

TEST_CASE("where all is lost at a silent node the words say that its probe may be the cause",
          "[core]") {
  auto fleet = labelled_fleet();
  const auto told = [&](const std::string& id, double loss) {
    const auto component = incident::component_from_id(id);
    incident::Suspect suspect;
    suspect.id = id;
    suspect.from = component.from;
    suspect.to = component.to;
    suspect.fault_class = loss == 1 ? "down" : "loss";
    suspect.loss = loss;
    suspect.text = "it loses";
    tell_reachability(fleet, Inquiries(), suspect);
    return suspect.text;
  };
  CHECK(told("leafA>h1", 1) == "it loses");
  fleet.tick({.instant = Instant{} + seconds{60}, .wall = {}});
  REQUIRE(fleet.find("h1")->state == fleet::NodeState::kSilent);
  CHECK(told("leafA>h1", 1) ==
        "h1 is silent: the host is down or cut off, or its probe is not running; it loses");
  CHECK(told("leafA>h1", 0.02) == "it loses");
  CHECK(told("leafA>spine1", 1) == "it loses");
}

SolveDone solved(const Bench& bench, int number) {
  Solution solution;
  solution.window_start = bench.now.wall + seconds{10 * number};
  solution.window = seconds{10};
  solution.verdict.enough_data = true;
  solution.verdict.suspects.emplace_back();
  auto& suspect = solution.verdict.suspects.back();
  suspect.id = "leaf1>spine2";
  suspect.from = "leaf1";
  suspect.to = "spine2";
  suspect.posterior = 0.99;
  suspect.loss = suspect.loss_low = suspect.loss_high = 0.02;
  return {std::move(solution)};
}

CoreOptions with_receiver() {
  CoreOptions options;
  options.receivers = {"oncall"};
  return options;
}

// What left since, by its event.
Names delivered(Bench& bench) {
  for (int i = 0; i < 2; ++i) {  // the first step may write what a start of the controller leaves
    bench.finish_commits();
    bench.pass(seconds{1});
  }
  Names events;
  while (!bench.effects.deliveries.empty()) {
    const auto entry = bench.effects.deliveries.front();
    bench.effects.deliveries.pop_front();
    events.emplace_back(to_string(notify::alert_from_json(entry.body)->event));
    bench.step(DeliveryDone{entry.id, {notify::DeliveryResult::kDelivered, {}, {}}});
    bench.finish_commits();
    bench.pass(seconds{1});
  }
  return events;
}

TEST_CASE("an operator is answered when what he did is durable, and receivers are told", "[core]") {
  Bench bench(with_receiver());
  for (int i = 0; i < 2; ++i) bench.step(solved(bench, i));
  const auto id = bench.core.incidents().incidents().at(0).id;
  CHECK(delivered(bench) == Names{"opened"});
  const auto act = [&](std::uint64_t request, IncidentAction action, std::string by) {
    bench.step(ActOnIncident{
        .request = request, .action = action, .incident = id, .by = std::move(by), .text = "why"});
  };
  act(1, IncidentAction::kAcknowledge, "ada");
  CHECK(bench.effects.answers.empty());
  CHECK(delivered(bench) == Names{"acknowledged"});
  CHECK(bench.effects.answers.back().first == 1);
  CHECK(bench.effects.answers.back().second);
  act(2, IncidentAction::kNote, "");
  CHECK(bench.effects.answers.back().second.error().code == ErrorCode::kInvalid);
  act(3, IncidentAction::kResolve, "ada");
  CHECK(delivered(bench) == Names{"resolved"});
  act(4, IncidentAction::kResolve, "ada");
  CHECK(bench.effects.answers.back().second.error().code == ErrorCode::kConflict);
}

TEST_CASE("a silence is kept in the ledger, and a restarted controller keeps to it", "[core]") {
  std::map<std::pair<Document, std::string>, std::string> ledger;
  const auto store = [&](Bench& bench) {
    for (const auto& commit : bench.effects.commits) {
      for (const auto& write : commit.writes) {
        if (write.value) ledger[{write.document, write.key}] = *write.value;
      }
    }
  };
  Bench before(with_receiver());
  before.step(AddSilence{.request = 1,
                         .silence = {.id = "m-1",
                                     .kind = incident::SilenceKind::kMaintenance,
                                     .selector = {{"class", {"loss"}}},
                                     .author = "ada",
                                     .comment = "CHG-1",
                                     .starts_at = {},
                                     .ends_at = before.now.wall + seconds{3600}}});
  before.step(solved(before, 0));
  store(before);
  Restored restored;
  for (const auto& [name, value] : ledger) {
    if (name.first == Document::kIncident) {
      restored.incidents.push_back(incident::incident_from_json(value).value());
    } else if (name.first == Document::kSilence) {
      restored.silences.push_back(incident::silence_from_json(value).value());
    }
  }
  CHECK(restored.silences.at(0).incidents_held == 1);
  Bench after(with_receiver(), std::move(restored));
  for (int i = 1; i < 5; ++i) after.step(solved(after, i));
  CHECK(delivered(after).empty());
  after.step(EndSilence{.request = 2, .id = "m-1", .by = "ada"});
  after.finish_commits();
  after.now.wall += seconds{60};
  for (int i = 0; i < 2; ++i) after.step(solved(after, i));
  CHECK(delivered(after) == Names{"opened"});
}

}  // namespace
}  // namespace faultline::core
