// From findings of checks to incidents.
#include "controller/core/finding_watch.h"

#include "controller/diagnose/grouping.h"
#include "controller/notify/alert.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

using Names = std::vector<std::string>;
using diagnose::Finding;
using Level = diagnose::Severity;  // core has one of its own

constexpr WallTime kStart = wall_time_from_unix_seconds(1'790'000'000);

Finding half_duplex(const std::string& node, Level severity = Level::kWarning) {
  return {.code = "half_duplex",
          .severity = severity,
          .nodes = {node},
          .summary = node + ": eth0 runs half duplex",
          .evidence = {node + ": eth0 100 Mb/s half"},
          .remedy = "Let both ends negotiate.",
          .command = "ethtool eth0"};
}

Finding duplicate(const char* address, Names nodes) {
  return {.code = "duplicate_address",
          .severity = Level::kError,
          .nodes = std::move(nodes),
          .address = IpAddress::parse(address),
          .summary = std::string(address) + " is held twice",
          .evidence = {"h1: eth0", "h2: eth0"},
          .remedy = "Give one of them another.",
          .command = "ip addr show"};
}

CheckOptions of(std::set<std::string> codes, std::set<Level> severities) {
  CheckOptions options;
  options.codes = std::move(codes);
  options.severities = std::move(severities);
  return options;
}

class Watching {
 public:
  explicit Watching(CheckOptions options = of({}, {Level::kWarning, Level::kError}))
      : watch(std::move(options)) {}

  // A check a minute; the ids that are shown after it.
  Names check(const std::vector<Finding>& findings) {
    watch.take(findings, at);
    at += std::chrono::minutes{1};
    Names ids;
    for (const auto& suspect : watch.suspects()) ids.push_back(suspect.id);
    return ids;
  }

  FindingWatch watch;
  WallTime at = kStart;
};

}  // namespace

TEST_CASE("a finding is shown when two checks in a row have it, gone when two have it no more",
          "[core][findings]") {
  Watching watching;
  const Names shown{"half_duplex:h1"};
  CHECK(watching.check({half_duplex("h1")}).empty());
  CHECK(watching.check({}).empty());
  CHECK(watching.check({half_duplex("h1")}).empty());
  CHECK(watching.check({half_duplex("h1")}) == shown);
  CHECK(watching.check({}) == shown);
  CHECK(watching.check({half_duplex("h1")}) == shown);
  CHECK(watching.check({}) == shown);
  CHECK(watching.check({}).empty());
}

TEST_CASE("only what is configured is shown, by code or by severity", "[core][findings]") {
  const std::vector<Finding> both{duplicate("10.0.0.1", {"h1", "h2"}), half_duplex("h3"),
                                  half_duplex("h4", Level::kNotice)};
  const auto shown = [&](CheckOptions options) {
    Watching watching(std::move(options));
    watching.check(both);
    return watching.check(both);
  };
  CHECK(shown(of({}, {})).empty());
  CHECK(shown(of({"duplicate_address"}, {})) == Names{"duplicate_address:h1,h2"});
  CHECK(shown(of({}, {Level::kWarning})) == Names{"half_duplex:h3"});
  CHECK(shown(of({"half_duplex"}, {})) == Names{"half_duplex:h3", "half_duplex:h4"});
}

TEST_CASE("a template that is wrong on many machines is one, with all of them and their evidence",
          "[core][findings]") {
  Watching watching;
  std::vector<Finding> findings;
  for (int i = 10; i < 40; ++i) findings.push_back(half_duplex("h" + std::to_string(i)));
  watching.check({findings.begin(), findings.begin() + 10});  // it is rolled out
  CHECK(watching.check(findings) == Names{"half_duplex:h10"});
  const auto suspect = watching.watch.suspects().at(0);
  CHECK(suspect.affected.size() == 30);
  CHECK(suspect.text == "30 nodes: eth0 runs half duplex");
  CHECK(suspect.fault_class == "half_duplex");
  CHECK(suspect.severity == incident::Severity::kWarning);
  CHECK(suspect.since == kStart);
  REQUIRE(suspect.remedy);
  CHECK(suspect.remedy->evidence.size() == diagnose::kGroupEvidenceMax);
  CHECK(suspect.remedy->command == "ethtool eth0");
  CHECK(suspect.remedy->run_on == "h10");
  // The first of them is mended: it is the same incident, without it.
  findings.erase(findings.begin());
  CHECK(watching.check(findings) == Names{"half_duplex:h10"});
  CHECK(watching.watch.suspects().at(0).affected.front() == "h11");
}

TEST_CASE("what begins on another machine the day after is another one", "[core][findings]") {
  Watching watching;
  watching.check({half_duplex("h1")});
  watching.check({half_duplex("h1")});
  watching.at += std::chrono::hours{24};
  const std::vector<Finding> both{half_duplex("h1"), half_duplex("h2")};
  watching.check(both);
  CHECK(watching.check(both) == Names{"half_duplex:h1", "half_duplex:h2"});
}

TEST_CASE("two addresses that are held twice are two, and one more holder is no other",
          "[core][findings]") {
  Watching watching;
  const auto one = duplicate("10.0.0.1", {"h1", "h2"});
  const auto other = duplicate("10.0.9.9", {"h7", "h8"});
  watching.check({one, other});
  CHECK(watching.check({one, other}) ==
        Names{"duplicate_address:h1,h2", "duplicate_address:h7,h8"});
  const auto third = duplicate("10.0.0.1", {"h0", "h1", "h2"});
  watching.check({third});
  CHECK(watching.check({third}) == Names{"duplicate_address:h1,h2"});
  CHECK(watching.watch.suspects().at(0).affected == Names{"h0", "h1", "h2"});
}

TEST_CASE("beyond the limit findings are counted and not taken up", "[core][findings]") {
  Watching watching;
  std::vector<Finding> findings;
  for (std::size_t i = 0; i < kFindingCasesMax + 5; ++i) {
    const auto name = "n" + std::to_string(i);
    findings.push_back(duplicate("10.0.0.1", {name + "a", name + "b"}));
  }
  watching.check(findings);
  CHECK(watching.check(findings).size() == kFindingCasesMax);
  CHECK(watching.watch.over_limit() == 2 * 5);
}

namespace {

CoreOptions checking_options() {
  CoreOptions options;
  options.receivers = {"oncall"};
  options.check = {.every = seconds{30}, .codes = {}, .severities = {Level::kError}};
  return options;
}

// A check that found these; and judged windows of measurements that found nothing.
void pass_check(Bench& bench, const std::vector<Finding>& findings) {
  bench.pass(seconds{31});
  REQUIRE(bench.effects.checks.size() == 1);
  bench.effects.checks.clear();
  bench.step(CheckDone{findings});
  for (int i = 0; i < 3; ++i) {
    Solution solution;
    solution.window_start = bench.now.wall + i * seconds{10};
    solution.window = seconds{10};
    solution.verdict.enough_data = true;
    bench.step(SolveDone{std::move(solution)});
    bench.finish_commits();
  }
}

std::vector<notify::Alert> told(Bench& bench) {
  bench.pass(seconds{1});
  std::vector<notify::Alert> alerts;
  while (!bench.effects.deliveries.empty()) {
    const auto entry = bench.effects.deliveries.front();
    bench.effects.deliveries.pop_front();
    alerts.push_back(notify::alert_from_json(entry.body).value());
    bench.step(DeliveryDone{entry.id, {notify::DeliveryResult::kDelivered, {}, {}}});
    bench.finish_commits();
    bench.pass(seconds{1});
  }
  bench.effects.checks.clear();
  return alerts;
}

}  // namespace

TEST_CASE("a finding opens an incident that carries evidence and remedy, and ends with it",
          "[core][findings]") {
  Bench bench(checking_options());
  bench.enroll(1);
  const std::vector<Finding> found{duplicate("10.0.0.1", {"h1", "h2"})};
  pass_check(bench, found);
  CHECK(bench.core.incidents().open_count() == 0);
  pass_check(bench, found);
  CHECK(bench.core.incidents().open_count() == 1);
  const auto opened = told(bench);
  REQUIRE(opened.size() == 1);
  CHECK(opened[0].kind == "finding");
  CHECK(opened[0].fault_class == "duplicate_address");
  CHECK(opened[0].severity == notify::AlertSeverity::kError);
  CHECK_FALSE(opened[0].loss);
  REQUIRE(opened[0].remedy);
  CHECK(opened[0].remedy->evidence == Names{"h1: eth0", "h2: eth0"});
  CHECK(opened[0].remedy->run_on == "h1");
  CHECK(bench.core.incidents().incidents().at(0).suspect.labels.at("node") == Names{"h1"});
  pass_check(bench, found);
  CHECK(told(bench).empty());
  pass_check(bench, {});
  pass_check(bench, {});
  const auto ended = told(bench);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].event == notify::AlertEvent::kResolved);
}

TEST_CASE("a controller that starts again neither ends the incident of a finding nor opens another",
          "[core][findings]") {
  Bench before(checking_options());
  const std::vector<Finding> found{duplicate("10.0.0.1", {"h1", "h2"})};
  pass_check(before, found);
  pass_check(before, found);
  const auto stored = incident::to_json(before.core.incidents().incidents().at(0));
  Restored restored;
  restored.incidents.push_back(incident::incident_from_json(stored).value());
  CHECK(restored.incidents[0] == before.core.incidents().incidents().at(0));
  Bench after(checking_options(), std::move(restored));
  after.now = before.now;
  pass_check(after, {});  // facts of a node may be late
  CHECK(after.core.incidents().open_count() == 1);
  pass_check(after, found);
  CHECK(after.core.incidents().open_count() == 1);
  CHECK(after.core.incidents().incidents().size() == 1);
}

TEST_CASE("maintenance of one of its nodes holds a finding back", "[core][findings]") {
  Bench bench(checking_options());
  bench.enroll(1);
  bench.step(AddSilence{.request = 9,
                        .silence = {.id = "m-1",
                                    .kind = incident::SilenceKind::kMaintenance,
                                    .selector = {{"node", {"h1"}}},
                                    .author = "ada",
                                    .comment = "CHG-1",
                                    .starts_at = {},
                                    .ends_at = bench.now.wall + seconds{3600}}});
  const std::vector<Finding> found{duplicate("10.0.0.1", {"h1", "h2"})};
  for (int i = 0; i < 3; ++i) pass_check(bench, found);
  CHECK(bench.core.incidents().open_count() == 0);
  CHECK(bench.core.incidents().incidents().at(0).held_by == "m-1");
}

TEST_CASE("without `check.incidents` no facts are looked over", "[core][findings]") {
  Bench bench;
  bench.pass(std::chrono::hours{1});
  CHECK(bench.effects.checks.empty());
}

}  // namespace faultline::core
