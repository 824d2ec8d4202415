#include "controller/localize/localizer.h"

#include <algorithm>
#include <cmath>

#include "controller/localize/delay.h"
#include "controller/localize/suspects.h"

namespace faultline::localize {
namespace {

// With fewer packets than this, even a link that loses one in twenty might lose none of them.
constexpr std::uint64_t kPacketsMin = 100;

struct Ranked {
  double total = 0;
  Suspect suspect;
};

double strength(const Selection& selection, const Finding& finding) {
  double total = 0;
  for (const std::size_t member : finding.members) total += selection.chosen()[member].total;
  return total;
}

std::vector<NearMiss> near_misses(Selection& selection, const ComponentTable& components,
                                  std::uint32_t most) {
  std::vector<NearMiss> result;
  for (const Choice& choice : selection.near_misses(most)) {
    result.push_back({.kind = components.at(choice.component).names.front().kind,
                      .id = components.id(choice.component),
                      .log_bayes = choice.score.log_bayes,
                      .log_odds = choice.total,
                      .loss = -std::expm1(-choice.score.exponent)});
  }
  return result;
}

}  // namespace

std::string_view to_string(SuspectKind kind) {
  switch (kind) {
    case SuspectKind::kLink:
      return "link";
    case SuspectKind::kCable:
      return "cable";
    case SuspectKind::kDevice:
      return "device";
    case SuspectKind::kHost:
      return "host";
    case SuspectKind::kVm:
      return "vm";
    case SuspectKind::kGateway:
      return "gateway";
    case SuspectKind::kTunnel:
      return "tunnel";
    case SuspectKind::kZone:
      return "zone";
    case SuspectKind::kHypervisor:
      return "hypervisor";
    case SuspectKind::kVswitch:
      return "vswitch";
  }
  return "device";
}

std::string_view to_string(FaultClass fault_class) {
  switch (fault_class) {
    case FaultClass::kLoss:
      return "loss";
    case FaultClass::kBlackhole:
      return "blackhole";
    case FaultClass::kDown:
      return "down";
    case FaultClass::kMtu:
      return "mtu";
    case FaultClass::kSickHost:
      return "sick_host";
    case FaultClass::kDelay:
      return "delay";
    case FaultClass::kCongestion:
      return "congestion";
  }
  return "loss";
}

struct Localizer::Kept {
  std::uint64_t graph_revision = 0;
  std::vector<std::uint8_t> crossed;
  std::vector<std::uint8_t> passed_through;
  std::optional<ComponentTable> components;
};

Localizer::Localizer(const ObservationSet& set) : set_(set), kept_(std::make_unique<Kept>()) {}

Localizer::~Localizer() = default;

Verdict Localizer::run(const LocalizeOptions& options) {
  ProblemBuilder builder(set_, options);
  const Problem& problem = builder.problem();
  Kept& kept = *kept_;
  const bool same = kept.components && kept.graph_revision == set_.graph_revision() &&
                    kept.crossed == problem.crossed &&
                    kept.passed_through == problem.passed_through;
  if (!same) {
    kept.components.emplace(set_, problem);
    kept.graph_revision = set_.graph_revision();
    kept.crossed = problem.crossed;
    kept.passed_through = problem.passed_through;
  }
  const ComponentTable& components = *kept.components;
  Verdict verdict;
  verdict.observations = problem.observations;
  verdict.components = components.directed_links();
  verdict.packets = problem.packets;
  verdict.lost = problem.lost;

  Selection selection(set_, problem, components);
  selection.run();
  const std::vector<Finding> found = findings(selection, components);
  std::vector<std::uint32_t> suspected;
  for (const Finding& it : found) {
    suspected.insert(suspected.end(), it.links.begin(), it.links.end());
  }
  const std::vector<std::uint32_t> crossing = builder.add_clean_flows(suspected);
  const EvidenceCount evidence = count_evidence(set_, problem, selection, found);
  verdict.unexplained_bad_flows = evidence.unexplained_bad_flows;
  verdict.near_misses = near_misses(selection, components, options.near_misses_max);

  verdict.enough_data = problem.packets >= kPacketsMin || !found.empty();
  const OnsetFinder onsets(set_, crossing, suspected);
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < found.size(); ++i) {
    ranked.push_back(
        {strength(selection, found[i]), make_suspect(set_, onsets, problem, components, selection,
                                                     found[i], evidence.tallies[i])});
  }
  std::ranges::sort(ranked, [](const Ranked& a, const Ranked& b) {
    return a.total != b.total ? a.total > b.total : a.suspect.id < b.suspect.id;
  });
  for (Ranked& it : ranked) {
    if (verdict.suspects.size() < options.suspects_max) {
      verdict.suspects.push_back(std::move(it.suspect));
    } else {
      ++verdict.suspects_omitted;
    }
  }
  judge_delays(set_, options, components, verdict);
  return verdict;
}

Verdict localize(const ObservationSet& observations, const LocalizeOptions& options) {
  return Localizer(observations).run(options);
}

}  // namespace faultline::localize
