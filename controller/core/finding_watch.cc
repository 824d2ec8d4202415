#include "controller/core/finding_watch.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "controller/diagnose/grouping.h"

namespace faultline::core {
namespace {

std::string key_of(std::string_view code, const std::vector<std::string>& nodes) {
  return fmt::format("{}:{}", code, fmt::join(nodes, ","));
}

// "mtu_mismatch:h1,h2": an id that no link, device or node has.
std::string id_of(const diagnose::Finding& finding) {
  const auto& nodes = finding.nodes;
  const auto named = std::min(nodes.size(), kFindingNamesMax);
  const auto id =
      key_of(finding.code, {nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(named)});
  return named == nodes.size() ? id : fmt::format("{},+{}", id, nodes.size() - named);
}

incident::Severity severity_of(diagnose::Severity severity) {
  return severity == diagnose::Severity::kError ? incident::Severity::kError
                                                : incident::Severity::kWarning;
}

// That a finding about several nodes is the known one, though the segment has gained or lost some.
bool is_same(const diagnose::Finding& known, const diagnose::Finding& finding) {
  if (known.code != finding.code || known.address != finding.address) return false;
  if (known.nodes.size() < 2 || finding.nodes.size() < 2) return false;
  const auto shared = std::ranges::count_if(finding.nodes, [&](const std::string& node) {
    return std::ranges::find(known.nodes, node) != known.nodes.end();
  });
  return 2 * static_cast<std::size_t>(shared) > std::min(known.nodes.size(), finding.nodes.size());
}

// The findings of a case as what an incident is about.
void describe(const std::vector<diagnose::Finding>& found, incident::Suspect& suspect) {
  const auto groups = diagnose::group(found);
  const auto& lead = groups.front().finding;
  incident::Remedy remedy{.evidence = {},
                          .text = lead.remedy,
                          .command = lead.command,
                          .run_on = lead.run_on.empty() ? lead.nodes.front() : lead.run_on};
  std::set<std::string> nodes;
  auto severity = incident::Severity::kWarning;
  for (const auto& [finding, count] : groups) {
    nodes.insert(finding.nodes.begin(), finding.nodes.end());
    severity = std::max(severity, severity_of(finding.severity));
    for (const auto& line : finding.evidence) {
      if (remedy.evidence.size() < kFindingEvidenceMax) remedy.evidence.push_back(line);
    }
  }
  suspect.text = groups.size() == 1
                     ? lead.summary
                     : fmt::format("{}; and {} more of the kind", lead.summary, groups.size() - 1);
  suspect.affected.assign(nodes.begin(), nodes.end());
  suspect.severity = severity;
  suspect.remedy = std::move(remedy);
}

}  // namespace

void FindingWatch::restore(const std::vector<incident::Incident>& incidents) {
  if (!options_.is_enabled()) return;
  for (const auto& incident : incidents) {
    const auto& suspect = incident.suspect;
    if (suspect.kind != kFindingKind || !incident.is_open()) continue;
    Case known{.suspect = suspect, .seen = kChecksToShow};
    known.members.insert(key_of(suspect.fault_class, suspect.affected));
    for (const auto& node : suspect.affected) {
      known.members.insert(key_of(suspect.fault_class, {node}));
    }
    cases_.emplace(suspect.id, std::move(known));
  }
}

bool FindingWatch::is_wanted(const diagnose::Finding& finding) const {
  return !finding.nodes.empty() &&
         (options_.codes.contains(finding.code) || options_.severities.contains(finding.severity));
}

FindingWatch::Case* FindingWatch::case_of(const diagnose::Finding& finding, WallTime at) {
  const auto key = key_of(finding.code, finding.nodes);
  for (auto& [id, known] : cases_) {
    if (known.members.contains(key)) return &known;
  }
  for (auto& [id, known] : cases_) {
    const bool is_young = at - known.suspect.since.value_or(at) <= kJoinWithin;
    const bool joins = is_young && diagnose::is_alike(known.first, finding);
    if (!joins && !is_same(known.first, finding)) continue;
    known.members.insert(key);
    return &known;
  }
  auto id = id_of(finding);
  if (cases_.size() >= kFindingCasesMax && !cases_.contains(id)) {
    ++over_limit_;
    return nullptr;
  }
  auto& made = cases_[id];
  made.members.insert(key);
  if (made.suspect.id.empty()) {
    made.first = finding;
    made.suspect.kind = kFindingKind;
    made.suspect.id = std::move(id);
    made.suspect.fault_class = finding.code;
    made.suspect.posterior = 1;  // it stands in the nodes' own configuration
    made.suspect.since = at;
  }
  return &made;
}

void FindingWatch::take(const std::vector<diagnose::Finding>& findings, WallTime at) {
  std::map<Case*, Found> found;
  for (const auto& finding : findings) {
    if (!is_wanted(finding)) continue;
    if (auto* known = case_of(finding, at)) found[known].push_back(finding);
  }
  for (auto at_case = cases_.begin(); at_case != cases_.end();) {
    auto& known = at_case->second;
    bool is_over = false;
    if (const auto here = found.find(&known); here != found.end()) {
      describe(here->second, known.suspect);
      known.missing = 0;
      known.seen = std::min(known.seen + 1, kChecksToShow);
    } else {
      // One that was not shown came and went.
      is_over = known.seen < kChecksToShow || ++known.missing >= kChecksToEnd;
    }
    at_case = is_over ? cases_.erase(at_case) : std::next(at_case);
  }
}

std::vector<incident::Suspect> FindingWatch::suspects() const {
  std::vector<incident::Suspect> shown;
  for (const auto& [id, known] : cases_) {
    if (known.seen >= kChecksToShow) shown.push_back(known.suspect);
  }
  return shown;
}

}  // namespace faultline::core
