#include <nlohmann/json.hpp>

#include "controller/localize/verdict_json.h"
#include "controller/localize/verdict_table.h"
#include "tests/support/catch.h"

namespace faultline::localize {
namespace {

Verdict one_suspect() {
  Suspect suspect;
  suspect.id = "leaf2>spine3";
  suspect.from = "leaf2";
  suspect.to = "spine3";
  suspect.posterior = 0.998;
  suspect.loss = 0.021;
  suspect.loss_low = 0.017;
  suspect.loss_high = 0.026;
  suspect.since_s = 1'789'999'950;
  suspect.evidence = {32, 31, 0, 210, 700, 40, 30};
  suspect.counter_evidence = {"h1:50003>h9 crosses it and lost none of 300 packets"};
  suspect.would_change = "Of the next 150 packets about 3 should be lost.";
  suspect.alternatives = {{SuspectKind::kDevice, "spine3", 450}};
  Verdict verdict;
  verdict.suspects = {suspect};
  verdict.observations = 240;
  verdict.components = 64;
  verdict.enough_data = true;
  return verdict;
}

TEST_CASE("the JSON document has the keys of the contract, null where nothing was measured",
          "[verdict]") {
  const auto document = nlohmann::json::parse(verdict_json(one_suspect(), 12.5));
  CHECK(document["schema"] == "faultline.localize/1");
  CHECK(document["observations"] == 240);
  CHECK(document["components"] == 64);
  CHECK(document["solve_ms"] == 12.5);
  CHECK(document["unexplained_bad_flows"] == 0);
  const auto& suspect = document["suspects"][0];
  CHECK(suspect["kind"] == "link");
  CHECK(suspect["class"] == "loss");
  CHECK(suspect["since"] == 1'789'999'950);
  CHECK(suspect["mtu"].is_null());
  CHECK(suspect["slice"].is_null());
  CHECK(suspect["delay_us"].is_null());
  CHECK(suspect["packets_to_split"].is_null());
  CHECK(suspect["ambiguous_with"] == nlohmann::json::array());
  CHECK(suspect["evidence"]["bad_flows_crossing"] == 31);
  CHECK(suspect["evidence"]["bad_flows_alone"] == 30);
  CHECK(suspect["evidence"]["bad_flows_not_explained"] == 1);
  CHECK(suspect["would_change"] == "Of the next 150 packets about 3 should be lost.");
  CHECK(nlohmann::json::parse(verdict_json({}, std::nullopt))["solve_ms"].is_null());
  CHECK_FALSE(document.contains("unknown_records"));
  CHECK(nlohmann::json::parse(verdict_json({}, 1, 7))["unknown_records"] == 7);
}

TEST_CASE("a fault that is over is told in the past, with its end", "[verdict]") {
  auto verdict = one_suspect();
  auto& suspect = verdict.suspects.front();
  suspect.last_seen_s = 1'790'000'010;
  CHECK_THAT(verdict_explanation(verdict),
             Catch::Contains("loses 2.1%") && !Catch::Contains("until"));
  suspect.over = true;
  const std::string text = verdict_explanation(verdict);
  CHECK_THAT(text, Catch::Contains("leaf2>spine3 lost 2.1%") &&
                       Catch::Contains("of the packets that") &&
                       Catch::Contains("2026-09-21T14:12:30Z until 2026-09-21T14:13:30Z"));
  CHECK_THAT(text, Catch::Contains("if back    Of the next 150 packets") &&
                       !Catch::Contains("to be sure"));
  const auto document = nlohmann::json::parse(verdict_json(verdict, 1));
  CHECK(document["suspects"][0]["last_seen"] == 1'790'000'010);
  CHECK(document["suspects"][0]["over"] == true);
}

TEST_CASE("the explanation counts flows for and against", "[verdict]") {
  const std::string text = verdict_explanation(one_suspect());
  CHECK_THAT(text,
             Catch::Contains("31 of 32 bad flows cross it (30 of them cross no other suspect)"));
  CHECK_THAT(text, Catch::Contains("0 of 210 good flows cross it; 1 bad flow does not"));
  CHECK_THAT(text, Catch::Contains("device spine3, 450.0 times less likely"));
  CHECK_THAT(text, Catch::Contains("h1:50003>h9 crosses it and lost none of 300 packets"));
  CHECK_THAT(text, Catch::Contains("to be sure Of the next 150 packets about 3 should be lost."));
  CHECK_THAT(text, Catch::Contains("2026-09-21T14:12:30Z"));
}

TEST_CASE("an explanation fits a terminal, however many members its group has", "[verdict]") {
  Verdict verdict = one_suspect();
  for (int i = 0; i < 100; ++i) {
    verdict.suspects[0].ambiguous_with.push_back("leaf" + std::to_string(i) + ">spine3");
  }
  const std::string text = verdict_explanation(verdict);
  CHECK_THAT(text, Catch::Contains("leaf11>spine3 and 88 more"));
  const std::string paragraphs = text.substr(text.find("[1]"));
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = paragraphs.find('\n', begin)) != std::string::npos;) {
    CHECK(end - begin <= 96);
    begin = end + 1;
  }
}

TEST_CASE("silence and lack of data read differently", "[verdict]") {
  Verdict verdict;
  CHECK_THAT(verdict_table(verdict), Catch::StartsWith("Not enough data"));
  verdict.enough_data = true;
  CHECK_THAT(verdict_table(verdict), Catch::StartsWith("Nothing accused"));
  CHECK_THAT(verdict_table(verdict), !Catch::Contains("unexplained"));
  verdict.unexplained_bad_flows = kUnexplainedFlowsFew;
  CHECK_THAT(verdict_table(verdict), Catch::StartsWith("Nothing accused"));
  CHECK_THAT(verdict_table(verdict),
             Catch::EndsWith("\n3 bad flows remain unexplained: no component fits\n"));
  verdict.unexplained_bad_flows = 104;
  CHECK_THAT(verdict_table(verdict), Catch::StartsWith("Inconclusive"));
  CHECK_THAT(verdict_table(verdict),
             Catch::EndsWith("\n104 bad flows remain unexplained: no component fits\n"));
}

}  // namespace
}  // namespace faultline::localize
