// anomalies and changes.
#include <fmt/format.h>

#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

std::string from_to(const Json& change) {
  const auto before = text(change, "before");
  const auto after = text(change, "after");
  return before.empty() || before == "-" ? after : fmt::format("{} -> {}", before, after);
}

}  // namespace

std::string render_anomalies(const Json& document, const Style& style) {
  if (!member(document, "judged_until").is_string()) return "no window has been judged yet\n";
  auto result = fmt::format("{} pairs with {} flows, until {}", count(document, "pairs"),
                            count(document, "flows"), text(document, "judged_until"));
  const auto learning = count(document, "pairs") - count(document, "pairs_learned");
  if (learning > 0)
    result += fmt::format("; the usual of {} pairs is still being learned", learning);
  result += "\n";
  Table table({"KIND", "SINCE", ">WINDOWS", "WHAT", "EXPLAINED BY"});
  for (const auto& anomaly : member(document, "anomalies")) {
    const bool is_explained = member(anomaly, "explained_by").is_string();
    table.add({Cell(text(anomaly, "kind"), is_explained ? Tone::kPlain : Tone::kBad),
               text(anomaly, "since"), std::to_string(count(anomaly, "windows")),
               text(anomaly, "text"),
               is_explained ? text(anomaly, "explained_by") : "nothing yet"});
  }
  if (table.empty()) return result + "nothing is abnormal\n";
  result += "\n" + table.text(style);
  if (const auto more = count(document, "omitted"); more > 0) {
    result += fmt::format("and {} more\n", more);
  }
  return result;
}

std::string changes_table(const Json& changes, const Style& style) {
  Table table({"TIME", "KIND", "SUBJECT", "CHANGE"}, "  ");
  for (const auto& change : changes) {
    table.add(
        {text(change, "time"), text(change, "kind"), text(change, "subject"), from_to(change)});
  }
  return table.text(style);
}

std::string render_changes(const Json& document, const Style& style) {
  const auto since = text(document, "since");
  const auto known = text(document, "known_since");
  auto result = fmt::format("since {}", std::max(since, known));
  if (known > since) result += ", the controller's start";
  const auto table = changes_table(member(document, "changes"), style);
  return result + "\n" + (table.empty() ? "nothing changed\n" : table);
}

}  // namespace faultline::cli
