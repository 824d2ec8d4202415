// Diagnoses of pairs kept as data: pairs/worlds.json has two healthy pairs, the other files what is
// changed in them (JSON Patch) for each code: cases that it fires on, that pass, and that it must
// not fire on.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "controller/diagnose/diagnosis_json.h"
#include "controller/diagnose/inputs_json.h"
#include "controller/explain/catalogue.h"
#include "tests/support/catch.h"

namespace faultline::diagnose {
namespace {

using nlohmann::json;

json load(const std::string& name) {
  std::ifstream file(std::filesystem::path(FAULTLINE_PAIRS) / name);
  return json::parse(file);
}

// What is measured under each symptom, the same in every case.
void suffer(json& inputs, const std::string& symptom) {
  for (const auto* side : {"by_a", "by_b"}) {
    if (!inputs.contains(side)) continue;
    auto& session = inputs[side];
    if (symptom == "slow") {
      session["now"]["rtt_mean_us"] = 6000;
    } else if (symptom == "lossy") {
      session["minute"]["lost_there"] = 12;
      session["now"]["lost_there"] = 2;
      session["flows"][1]["now"]["lost_there"] = 2;
    } else if (symptom == "large") {
      session["flows"][0]["size"] = 1500;
      session["flows"][0]["now"]["lost_undetermined"] = 20;
      session["now"]["lost_undetermined"] = 20;
    } else if (symptom == "subset") {
      session["flows"][0]["now"]["lost_undetermined"] = 20;
      session["now"]["lost_undetermined"] = 20;
    } else {
      REQUIRE(symptom == "dead");
      session["now"] = {{"sent", 80}, {"lost_undetermined", 80}};
      session["minute"]["lost_undetermined"] = 160;
      for (auto& flow : session["flows"]) flow["now"] = {{"sent", 20}, {"lost_undetermined", 20}};
    }
  }
}

Diagnosis answer(const json& worlds, const json& example) {
  auto inputs = worlds.at(example.at("world").get<std::string>());
  if (example.contains("patch")) inputs = inputs.patch(example["patch"]);
  if (example.contains("symptom")) suffer(inputs, example["symptom"]);
  const auto read = inputs_from_json(inputs);
  if (!read) FAIL(read.error().context);
  // What is recorded is all there is to it.
  CHECK(inputs_json(*inputs_from_json(inputs_json(*read))) == inputs_json(*read));
  return diagnose(*read);
}

const Check* find(const Diagnosis& diagnosis, const std::string& code) {
  const auto found = std::ranges::find(diagnosis.checks, code, &Check::code);
  return found == diagnosis.checks.end() ? nullptr : &*found;
}

std::string told(const Diagnosis& diagnosis) {
  std::string text;
  for (const auto& check : diagnosis.checks) {
    if (check.level == Level::kOk) continue;
    text += std::string(to_string(check.level)) + " " + check.code + ": " + check.summary + "\n";
  }
  return text + diagnosis.verdict.code + ": " + diagnosis.verdict.sentence;
}

void check_fires(const json& worlds, const json& example, const std::string& code) {
  const auto diagnosis = answer(worlds, example);
  CAPTURE(code, example.at("case").get<std::string>(), told(diagnosis));
  const auto* check = find(diagnosis, code);
  REQUIRE(check != nullptr);
  CHECK(to_string(check->level) == example.value("level", "fail"));
  CHECK(diagnosis.verdict.code == example.value("verdict", code));
  CHECK_THAT(check->summary, Catch::Contains(example.value("says", "")));
  CHECK_FALSE(check->summary.empty());
  CHECK_FALSE((check->nodes.empty() && check->component.empty()));
  CHECK_FALSE(diagnosis.verdict.sentence.empty());
  if (check->level == Level::kFail && diagnosis.question.port && diagnosis.verdict.code == code) {
    CHECK(json::parse(to_json(diagnosis))["findings"][0]["code"] == code);
  }
  if (check->level == Level::kFail) {
    CHECK_FALSE(check->evidence.empty());
    CHECK_FALSE(check->remedy.empty());
    CHECK_FALSE(check->command.empty());
  }
}

void check_silent(const json& worlds, const json& example, const std::string& code) {
  const auto diagnosis = answer(worlds, example);
  CAPTURE(code, example.at("case").get<std::string>(), told(diagnosis));
  const auto* check = find(diagnosis, code);
  CHECK((check == nullptr || check->level == Level::kOk));
  CHECK(diagnosis.verdict.code != code);
}

TEST_CASE("every code of a diagnosis fires on its recorded cases, and on none that only look alike",
          "[diagnose]") {
  const auto worlds = load("worlds.json");
  const auto catalogue = explain::read_catalogue(explain::code_files());
  if (!catalogue) FAIL(catalogue.error().context);
  std::size_t rules = 0;
  for (const auto& entry : std::filesystem::directory_iterator(FAULTLINE_PAIRS)) {
    const auto name = entry.path().filename().string();
    if (name == "worlds.json") continue;
    const auto document = load(name);
    for (const auto& rule : document.at("rules")) {
      ++rules;
      const auto code = rule.at("code").get<std::string>();
      for (const auto* kind : {"fires", "passes", "must_not_fire"}) {
        CAPTURE(name, code, kind);
        CHECK_FALSE(rule.at(kind).empty());
      }
      const bool finding = code != "facts_missing" && code != "no_probe" &&
                           code != "not_measured" && code != "no_controller";
      if (finding) {
        CAPTURE(code);
        CHECK(std::ranges::find(catalogue->codes, code, &explain::Code::name) !=
              catalogue->codes.end());
      }
      for (const auto& example : rule["fires"]) check_fires(worlds, example, code);
      for (const auto& example : rule["passes"]) check_silent(worlds, example, code);
      for (const auto& example : rule["must_not_fire"]) check_silent(worlds, example, code);
    }
  }
  CHECK(rules >= 48);
}

TEST_CASE("healthy pairs are healthy, and nothing of them warns", "[diagnose]") {
  const auto worlds = load("worlds.json");
  for (const auto* world : {"routed", "wire"}) {
    const auto diagnosis = answer(worlds, {{"world", world}});
    CAPTURE(world, told(diagnosis));
    CHECK(diagnosis.verdict.code == "healthy");
    CHECK(diagnosis.verdict.level == Level::kOk);
    for (const auto& check : diagnosis.checks) CHECK(check.level == Level::kOk);
    const auto document = json::parse(to_json(diagnosis));
    CHECK(document["layers"].size() == kLayers);
    CHECK(document["findings"].empty());
    CHECK(document["a"]["facts_at"] == "2026-11-22T02:59:50Z");
  }
}

// What only a controller can know is not told where none was asked.
TEST_CASE("of two snapshots nothing is told of probes, measurements or the localizer",
          "[diagnose]") {
  const auto worlds = load("worlds.json");
  auto inputs = worlds["routed"];
  for (const auto* end : {"a", "b"}) {
    inputs[end] = {
        {"name", inputs[end]["name"]}, {"probe", "unknown"}, {"address", inputs[end]["address"]}};
  }
  inputs.erase("by_a");
  inputs.erase("by_b");
  for (const bool port : {false, true}) {
    if (port) inputs["question"]["port"] = 22;
    const auto diagnosis = answer({{"here", inputs}}, {{"world", "here"}});
    CAPTURE(port, told(diagnosis));
    CHECK(diagnosis.verdict.level == Level::kUnknown);
    for (const auto* code : {"probe_live", "no_probe", "not_measured", "nothing_accused"}) {
      CAPTURE(code);
      CHECK(find(diagnosis, code) == nullptr);
    }
    CHECK(find(diagnosis, "no_controller") != nullptr);
    CHECK(json::parse(to_json(diagnosis))["a"]["probe"] == "unknown");
  }
}

TEST_CASE("any of the inputs may be missing", "[diagnose]") {
  const auto worlds = load("worlds.json");
  for (const auto* world : {"routed", "wire"}) {
    for (const auto& [member, value] : worlds[world].items()) {
      if (member == "schema") continue;
      auto inputs = worlds[world];
      inputs.erase(member);
      const auto read = inputs_from_json(inputs);
      REQUIRE(read);
      CHECK_NOTHROW(diagnose(*read));
    }
  }
  CHECK_FALSE(inputs_from_text("[]"));
  CHECK_FALSE(inputs_from_text("{\"schema\":\"faultline.facts/1\"}"));
  auto broken = worlds["routed"];
  broken["by_a"]["now"]["sent"] = "many";
  CHECK_FALSE(inputs_from_json(broken));
}

}  // namespace
}  // namespace faultline::diagnose
