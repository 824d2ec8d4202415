#include "controller/cli/explain_document.h"

#include <algorithm>

#include <fmt/format.h>

#include "controller/explain/catalogue.h"
#include "controller/explain/lookup.h"

namespace faultline::cli {
namespace {

using explain::Match;

std::string_view match_name(Match match) {
  switch (match) {
    case Match::kFamily:
      return "family";
    case Match::kExact:
      return "exact";
    case Match::kWords:
      return "words";
    case Match::kNone:
      break;
  }
  return "families";
}

Json code_json(const explain::Code& code) {
  auto commands = Json::array();
  for (const auto& advice : code.commands) {
    commands.push_back({{"command", advice.command}, {"shows", advice.shows}});
  }
  return {{"family", code.family},
          {"number", code.number.empty() ? Json() : Json(code.number)},
          {"name", code.name},
          {"summary", code.summary},
          {"aliases", code.aliases},
          {"meaning", code.meaning},
          {"causes", code.causes},
          {"checks", code.checks},
          {"commands", std::move(commands)}};
}

// All families, or those of the answer's codes.
Json families_json(const explain::Catalogue& catalogue, const explain::Answer& answer) {
  auto families = Json::array();
  for (const auto& family : catalogue.families) {
    const auto of_family = [&](const explain::Code* code) { return code->family == family.name; };
    if (!answer.codes.empty() && std::ranges::none_of(answer.codes, of_family)) continue;
    const auto codes = std::ranges::count(catalogue.codes, family.name, &explain::Code::family);
    families.push_back({{"family", family.name},
                        {"aliases", family.aliases},
                        {"title", family.title},
                        {"codes", codes},
                        {"source", family.source}});
  }
  return families;
}

std::string label(const explain::Code& code) {
  return fmt::format("{} {}", code.family, code.number.empty() ? code.name : code.number) +
         (code.number.empty() ? "" : fmt::format(" ({})", code.name));
}

Failure unknown(const std::string& query, const explain::Answer& answer) {
  std::string nearest;
  for (const auto* code : answer.nearest) {
    nearest += (nearest.empty() ? "; nearest: " : ", ") + label(*code);
  }
  return {ExitCode::kUsage, "not_found",
          fmt::format("no code is known as '{}'{}; 'faultline explain' lists the families", query,
                      nearest)};
}

}  // namespace

Outcome<Json> explain_document(const std::string& query) {
  const auto catalogue = explain::read_catalogue(explain::code_files());
  if (!catalogue) {
    return tl::unexpected(Failure{ExitCode::kUnreachable, "internal", catalogue.error().context});
  }
  const auto answer = explain::look_up(*catalogue, query);
  const bool asked = !explain::normalized(query).empty();
  if (asked && answer.codes.empty()) return tl::unexpected(unknown(query, answer));
  auto codes = Json::array();
  for (const auto* code : answer.codes) codes.push_back(code_json(*code));
  return Json{{"schema", "faultline.explain/1"},
              {"query", asked ? Json(query) : Json()},
              {"match", match_name(answer.match)},
              {"families", families_json(*catalogue, answer)},
              {"codes", std::move(codes)}};
}

}  // namespace faultline::cli
