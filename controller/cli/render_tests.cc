// Standing tests.
#include <fmt/format.h>

#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

Tone tone_of_run(const std::string& outcome) {
  if (outcome == "ok") return Tone::kGood;
  return outcome == "fault" ? Tone::kBad : Tone::kFaint;
}

std::string failing_of(const Json& test) {
  auto shown = fmt::format("{}/{}", count(test, "pairs_failing"), member(test, "pairs").size());
  if (const auto left_out = count(test, "pairs_left_out"); left_out > 0) {
    shown += fmt::format(" (+{})", left_out);
  }
  return shown;
}

}  // namespace

std::string render_standing_tests(const Json& document, const Style& style) {
  const bool all = member(document, "asked").is_string();
  Table tests({"TEST", "WHAT", "FROM", "TO", ">EVERY", ">FAILING"});
  Table pairs({"TEST", "FROM", "TO", "LAST", "AT", "SINCE", "SUMMARY"});
  bool left_out = false;
  for (const auto& test : member(document, "tests")) {
    const bool fails = count(test, "pairs_failing") > 0;
    left_out |= count(test, "pairs_left_out") > 0;
    tests.add({text(test, "name"), text(test, "what"), text(test, "from"), text(test, "to"),
               span_of_seconds(number(test, "every_s").value_or(0)),
               Cell(failing_of(test), fails ? Tone::kBad : Tone::kPlain)});
    for (const auto& pair : member(test, "pairs")) {
      const auto outcome = text(pair, "outcome");
      if (!all && outcome != "fault" && !flag(pair, "failing")) continue;
      const auto verdict = text(pair, "verdict");
      pairs.add({text(test, "name"), text(pair, "from"), text(pair, "to"),
                 Cell(verdict.empty() ? outcome : verdict, tone_of_run(outcome)), text(pair, "at"),
                 text(pair, "since"), text(pair, "summary")});
    }
  }
  if (tests.empty()) return "no standing tests: the controller's configuration has none\n";
  auto shown = tests.text(style);
  if (left_out) shown += "(+n): pairs beyond what a test may have, which are not tested\n";
  return pairs.empty() ? shown : shown + "\n" + pairs.text(style);
}

}  // namespace faultline::cli
