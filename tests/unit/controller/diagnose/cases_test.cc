// Every rule on snapshots kept as data: cases/CODE.json has cases that it fires on, cases that
// pass, and cases that look alike and that it must not fire on.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "common/facts/facts_json.h"
#include "controller/diagnose/check.h"
#include "tests/support/catch.h"

namespace faultline::diagnose {
namespace {

using nlohmann::json;

facts::Facts read(const json& snapshot) {
  auto facts = facts::from_json(snapshot);
  if (!facts) FAIL(facts.error().context);
  return *std::move(facts);
}

std::vector<NodeFacts> fleet_of(const json& example) {
  std::vector<NodeFacts> fleet;
  for (const auto& [node, snapshot] : example.at("nodes").items()) {
    fleet.push_back({.node = node, .facts = read(snapshot)});
    if (example.contains("earlier")) fleet.back().earlier = read(example["earlier"].at(node));
  }
  return fleet;
}

std::vector<Finding> findings_of(const json& example, const std::string& code) {
  auto findings = check(fleet_of(example));
  std::erase_if(findings, [&](const Finding& finding) { return finding.code != code; });
  return findings;
}

void check_fires(const json& example, const std::string& code) {
  CAPTURE(code, example.at("case").get<std::string>());
  const auto findings = findings_of(example, code);
  REQUIRE(findings.size() == 1);
  const auto& finding = findings[0];
  CHECK(finding.nodes == example.at("about").get<std::vector<std::string>>());
  CHECK_FALSE(finding.evidence.empty());
  for (const auto& line : finding.evidence) CHECK_FALSE(line.empty());
  CHECK_FALSE(finding.summary.empty());
  CHECK_FALSE(finding.remedy.empty());
  CHECK_FALSE(finding.command.empty());
}

void check_silent(const json& example, const std::string& code) {
  CAPTURE(code, example.at("case").get<std::string>());
  for (const auto& finding : findings_of(example, code)) FAIL_CHECK(finding.summary);
}

std::map<std::string, json> all_cases() {
  std::map<std::string, json> files;
  for (const auto& entry : std::filesystem::directory_iterator(FAULTLINE_CASES)) {
    std::ifstream file(entry.path());
    auto document = json::parse(file);
    REQUIRE(document.at("code") == entry.path().stem().string());
    files[entry.path().stem().string()] = std::move(document);
  }
  return files;
}

TEST_CASE("every rule fires on its recorded cases, and on none that pass or only look alike",
          "[diagnose]") {
  const auto files = all_cases();
  CHECK(files.size() == 29);
  for (const auto& [code, document] : files) {
    CHECK(is_check_code(code));
    for (const auto* kind : {"fires", "passes", "must_not_fire"})
      CHECK_FALSE(document.at(kind).empty());
    for (const auto& example : document["fires"]) check_fires(example, code);
    for (const auto& example : document["passes"]) check_silent(example, code);
    for (const auto& example : document["must_not_fire"]) check_silent(example, code);
  }
}

TEST_CASE("a code that is found anywhere has recorded cases of its own", "[diagnose]") {
  const auto files = all_cases();
  std::set<std::string> found;
  for (const auto& [code, document] : files) {
    for (const auto* kind : {"fires", "passes", "must_not_fire"}) {
      for (const auto& example : document.at(kind)) {
        for (const auto& finding : check(fleet_of(example))) found.insert(finding.code);
      }
    }
  }
  for (const auto& code : found) CHECK(files.contains(code));
}

TEST_CASE("facts that are not there conclude nothing", "[diagnose]") {
  CHECK(check({}).empty());
  CHECK(check({{.node = "h1"}, {.node = "h2"}}).empty());
}

TEST_CASE("any of the facts may be missing from any case", "[diagnose]") {
  for (const auto& [code, document] : all_cases()) {
    for (auto example : document.at("fires")) {
      std::set<std::string> sections;
      for (const auto& [node, snapshot] : example["nodes"].items()) {
        for (const auto& [section, value] : snapshot.items()) sections.insert(section);
      }
      for (const auto& section : sections) {
        if (section == "schema" || section == "collected_at") continue;
        CAPTURE(code, section);
        auto less = example;
        for (auto& [node, snapshot] : less["nodes"].items()) snapshot.erase(section);
        CHECK_NOTHROW(check(fleet_of(less)));
      }
    }
  }
}

}  // namespace
}  // namespace faultline::diagnose
