#include "controller/diagnose/grouping.h"

#include "tests/support/catch.h"

using namespace faultline::diagnose;

namespace {

Finding clock(const std::string& node, int off) {
  return {.code = "clock_off",
          .severity = Severity::kWarning,
          .nodes = {node},
          .summary = node + ": its clock is " + std::to_string(off) + " ms off",
          .evidence = {node + ": offset " + std::to_string(off) + " ms"},
          .remedy = "let " + node + " keep time by NTP.",
          .command = "ssh " + node + " chronyc makestep"};
}

}  // namespace

TEST_CASE("what is the same on many nodes is one line with the nodes", "[diagnose]") {
  const auto groups = group({clock("h3", 310), clock("h1", 250), clock("h10", 120)});
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].count == 3);
  CHECK(groups[0].finding ==
        Finding{.code = "clock_off",
                .severity = Severity::kWarning,
                .nodes = {"h1", "h10", "h3"},
                .summary = "3 nodes: its clock is 310 ms off",
                .evidence = {"h3: offset 310 ms", "h1: offset 250 ms", "h10: offset 120 ms"},
                .remedy = "let each of them keep time by NTP.",
                .command = "ssh NODE chronyc makestep"});
}

TEST_CASE("another severity, another remedy, or another interface is another group", "[diagnose]") {
  auto worse = clock("h2", 100);
  worse.severity = Severity::kError;
  auto otherwise = clock("h4", 100);
  otherwise.remedy = "replace its battery";
  auto named = clock("h5", 100);
  named.summary = "h5: eth1 is 100 ms off";
  const std::vector<Finding> findings{clock("h1", 100), worse, otherwise, named};
  const auto groups = group(findings);
  REQUIRE(groups.size() == 4);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    CHECK(groups[i].count == 1);
    CHECK(groups[i].finding == findings[i]);
  }
}

TEST_CASE("findings about several nodes together stay as they are", "[diagnose]") {
  Finding twice{
      .code = "duplicate_address", .nodes = {"h1", "h2"}, .summary = "10.0.0.1 is on h1 and h2"};
  auto other = twice;
  other.nodes = {"h3", "h4"};
  CHECK(group({twice, other}).size() == 2);
}

TEST_CASE("a name within another name is not replaced", "[diagnose]") {
  auto a = clock("h1", 1);
  a.command = "ssh h1 show h11 h1-eth0 h1.example";
  auto b = clock("h2", 1);
  b.command = "ssh h2 show h11 h1-eth0 h1.example";
  const auto groups = group({a, b});
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].finding.command == "ssh NODE show h11 h1-eth0 h1.example");
}

TEST_CASE("evidence of a group is bounded", "[diagnose]") {
  std::vector<Finding> many;
  for (int i = 0; i < 200; ++i) many.push_back(clock("n" + std::to_string(i), i));
  const auto groups = group(many);
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].finding.nodes.size() == 200);
  CHECK(groups[0].finding.evidence.size() == kGroupEvidenceMax);
}
