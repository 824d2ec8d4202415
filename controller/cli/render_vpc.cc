// vpc.
#include <fmt/format.h>

#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

Tone tone_of(const std::string& verdict) {
  if (verdict == "allowed") return Tone::kGood;
  return verdict == "denied" ? Tone::kBad : Tone::kWarn;
}

std::string list_of(const Json& document, const char* key, const char* title) {
  std::string result;
  for (const auto& sentence : member(document, key)) {
    result += fmt::format("  {}\n", sentence.get<std::string>());
  }
  return result.empty() ? "" : fmt::format("\n{}:\n{}", title, result);
}

std::string counts_of(const Json& document, const char* key, const char* title) {
  std::string result;
  for (const auto& [what, number] : member(document, key).items()) {
    result += fmt::format("  {:>7}  {}\n", number.get<std::uint64_t>(), what);
  }
  return result.empty() ? "" : fmt::format("\n{}:\n{}", title, result);
}

}  // namespace

std::string render_vpc_reach(const Json& document, const Style& style) {
  const auto verdict = text(document, "verdict");
  auto result =
      style.paint(tone_of(verdict), "[" + verdict + "]") + " " + text(document, "sentence") + "\n";
  const auto& stop = member(document, "stop");
  if (!stop.is_null()) {
    result += fmt::format("\n  code       {} (faultline explain {})\n", text(stop, "code"),
                          text(stop, "code"));
    result += fmt::format("  direction  {}\n  element    {}\n", text(stop, "direction"),
                          text(stop, "element"));
    const auto rule = text(stop, "rule");
    if (rule != "-") result += fmt::format("  rule       {}\n", rule);
  }
  Table table({"", "DIRECTION", "ELEMENT", "RULE"});
  for (const auto& step : member(document, "trail")) {
    const bool passed = flag(step, "passed");
    table.add(
        {{passed ? "ok" : "stop", passed ? Tone::kGood : Tone::kBad},
         text(step, "direction"),
         text(step, "what") + (text(step, "what").find(text(step, "element")) == std::string::npos
                                   ? " " + text(step, "element")
                                   : ""),
         text(step, "rule")});
  }
  if (!table.empty()) result += "\n" + table.text(style);
  return result + list_of(document, "notes", "Assumed");
}

std::string render_vpc_compare(const Json& document, const Style& style) {
  const auto& counts = member(document, "counts");
  auto result = fmt::format(
      "of {} measured pairs: {} allowed and work, {} allowed but fail, {} denied and fail, {} "
      "denied but work{}, {} unknown\n",
      member(document, "pairs").size(), count(counts, "works"), count(counts, "fails"),
      count(counts, "denied"), count(counts, "stale"),
      number(counts, "stale").value_or(0) > 0 ? " (the snapshot is not of now)" : "",
      count(counts, "unknown"));
  if (number(document, "outside").value_or(0) > 0) {
    result += fmt::format("{} pairs have no end in the snapshot\n", count(document, "outside"));
  }
  Table table({"FROM", "TO", "OUTCOME", ">SENT", ">ANSWERED", "CODE", "DIRECTION", "WHY"});
  for (const auto& pair : member(document, "pairs")) {
    const auto outcome = text(pair, "outcome");
    if (outcome == "works") continue;
    const auto tone = outcome == "fails" ? Tone::kBad : Tone::kWarn;
    table.add({text(pair, "from"), text(pair, "to"), Cell(outcome, tone), text(pair, "sent"),
               text(pair, "answered"), text(pair, "code"), text(pair, "direction"),
               text(pair, "element") + (text(pair, "rule").empty() || text(pair, "rule") == "-"
                                            ? ""
                                            : ": " + text(pair, "rule"))});
  }
  return table.empty() ? result : result + "\n" + table.text(style);
}

std::string render_vpc_check(const Json& document, const Style& style) {
  Table networks({"NETWORK", "NAME", "ACCOUNT", "REGION", "PREFIXES"});
  for (const auto& network : member(document, "networks")) {
    networks.add({text(network, "id"), text(network, "name"), text(network, "account"),
                  text(network, "region"), joined(network, "prefixes")});
  }
  auto result = networks.text(style) + counts_of(document, "read", "Read");
  result += counts_of(document, "skipped", "Skipped");
  std::string unread;
  for (const auto& file : member(document, "files")) {
    if (!member(file, "why").is_null()) {
      unread += fmt::format("  {}: {}\n", text(file, "file"), text(file, "why"));
    }
  }
  if (!unread.empty()) result += "\nFiles that were not read:\n" + unread;
  result += list_of(document, "notes", "Noted");
  Table findings({"ELEMENT", "WHAT DOES NOT FIT"});
  for (const auto& finding : member(document, "inconsistencies")) {
    findings.add({text(finding, "element"), text(finding, "sentence")});
  }
  return result + "\n" +
         (findings.empty() ? "nothing that does not fit together\n" : findings.text(style));
}

}  // namespace faultline::cli
