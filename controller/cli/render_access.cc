// API tokens, the audit log.
#include <fmt/format.h>

#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

Tone tone_of_request(const std::string& outcome) {
  if (outcome == "done") return Tone::kPlain;
  return outcome == "denied" || outcome == "failed" ? Tone::kBad : Tone::kWarn;
}

// The route, and what it was used with: "DELETE nodes h7", "POST nodes/{name}/rekey h7".
std::string what(const Json& record) {
  constexpr std::string_view kPrefix = "/api/v1/";
  auto route = text(record, "route");
  if (route.starts_with(kPrefix)) route = route.substr(kPrefix.size());
  // The last segment is the subject itself; one before a word says what was done to it.
  if (route.ends_with("}")) route.resize(route.rfind("/{"));
  const auto subject = text(record, "subject");
  return fmt::format("{} {}{}", text(record, "method"), route, subject == "-" ? "" : " " + subject);
}

std::string note(const Json& record) {
  auto result = member(record, "reason").is_string() ? text(record, "reason") : std::string();
  if (const auto more = count(record, "suppressed"); more > 0) {
    result += fmt::format(" (and {} denied attempts before it that are not recorded)", more);
  }
  return result;
}

}  // namespace

std::string render_api_tokens(const Json& document, const Style& style) {
  Table table({"NAME", "ROLE", "ID", "CREATED", "BY", "EXPIRES"});
  for (const auto& token : member(document, "tokens")) {
    table.add({text(token, "name"), text(token, "role"), text(token, "id"),
               text(token, "created_at"), text(token, "created_by"), text(token, "expires")});
  }
  return table.empty() ? "no API tokens\n" : table.text(style);
}

std::string render_audit(const Json& document, const Style& style) {
  Table table({"AT", "WHO", "FROM", "OUTCOME", "WHAT", "NOTE"});
  for (const auto& record : member(document, "records")) {
    const auto outcome = text(record, "outcome");
    table.add({text(record, "at"), text(record, "who"), text(record, "peer"),
               Cell(outcome, tone_of_request(outcome)), what(record), note(record)});
  }
  if (table.empty()) return "no changes in that time\n";
  return table.text(style) + (flag(document, "truncated")
                                  ? "older records are left out; ask for less with --since\n"
                                  : "");
}

}  // namespace faultline::cli
