// complete: what the shells' completion asks, hidden from --help.
#include <cstdio>
#include <map>

#include <fmt/format.h>

#include "controller/cli/commands.h"
#include "controller/cli/document.h"

namespace faultline::cli {
namespace {

// Somebody waits with a finger on the tab key, who did not say for how long.
constexpr const char* kMoment = "700ms";

struct Source {
  const char* target;
  const char* list;
  const char* name;
  const char* about;
};

const Source* source_of(Lookup lookup) {
  static const std::map<Lookup, Source> kSources{
      {Lookup::kNodes, {"/api/v1/nodes", "nodes", "name", "state"}},
      {Lookup::kIncidents, {"/api/v1/incidents?state=all", "incidents", "id", "summary"}},
      {Lookup::kTokens, {"/api/v1/tokens", "tokens", "id", "node"}}};
  const auto found = kSources.find(lookup);
  return found == kSources.end() ? nullptr : &found->second;
}

// A tab or line end would be taken for the end of a candidate.
std::string plain(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

}  // namespace

std::vector<Candidate> look_up(Context& context, Lookup lookup) {
  std::vector<Candidate> candidates;
  const auto* source = source_of(lookup);
  if (source == nullptr) return candidates;
  if (!context.options.timeout) context.options.timeout = kMoment;
  const auto api = context.client();
  if (!api) return candidates;
  const auto answer = api->get(source->target);
  if (!answer) return candidates;
  const auto document = Json::parse(*answer, nullptr, false);
  for (const auto& each : member(document, source->list)) {
    const auto about = text(each, source->about);
    candidates.push_back({plain(text(each, source->name)), about == "-" ? "" : plain(about)});
  }
  return candidates;
}

void print_candidates(const std::vector<Candidate>& candidates, std::string_view prefix) {
  for (const auto& candidate : candidates) {
    if (!candidate.word.starts_with(prefix)) continue;
    fmt::print("{}{}{}\n", candidate.word, candidate.about.empty() ? "" : "\t", candidate.about);
  }
}

void add_complete_command(CLI::App& app, Context& context) {
  auto* complete = app.add_subcommand("complete", "What the shells' completion asks");
  complete->group("");
  complete->fallthrough();
  auto kind = std::make_shared<Lookup>();
  complete->add_option("KIND", *kind, "nodes, incidents or tokens")
      ->required()
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, Lookup>{{"nodes", Lookup::kNodes},
                                                                {"incidents", Lookup::kIncidents},
                                                                {"tokens", Lookup::kTokens}}));
  complete->callback([&context, kind] {
    context.command = [&context, kind]() -> Outcome<ExitCode> {
      for (const auto& candidate : look_up(context, *kind)) fmt::print("{}\n", candidate.word);
      return ExitCode::kHealthy;
    };
  });
}

}  // namespace faultline::cli
