#include "controller/core/confirmations.h"

#include <algorithm>
#include <cmath>

namespace faultline::core {
namespace {

constexpr std::string_view kTesting = "testing";
double probability(double log_odds) { return 1 / (1 + std::exp(-log_odds)); }

std::optional<double> found_in(const Probabilities& probabilities, const std::string& id) {
  const auto at = probabilities.find(id);
  return at == probabilities.end() ? std::nullopt : std::optional(at->second);
}

}  // namespace

Probabilities probabilities_of(const localize::Verdict& verdict,
                               const std::vector<plan::ContestedFlows>& contested) {
  Probabilities probabilities;
  for (const auto& each : contested) {
    probabilities[each.component.id] = probability(each.component.log_odds);
  }
  for (const auto& suspect : verdict.suspects) {
    const auto members = 1 + suspect.ambiguous_with.size();
    const double each = suspect.posterior / static_cast<double>(members);
    probabilities[suspect.id] = each;
    for (const auto& id : suspect.ambiguous_with) probabilities[id] = each;
  }
  return probabilities;
}

void Confirmations::follow(const std::vector<plan::TestEvent>& events,
                           const plan::AdaptiveProber& prober, const Probabilities& probabilities,
                           WallTime end) {
  for (auto& [id, test] : by_component_) {
    if (test.outcome != kTesting) continue;
    // What the verdict does not list any more, it takes for well.
    test.after = found_in(probabilities, id).value_or(0);
    test.packets = static_cast<std::uint64_t>(prober.packets_of(id).value_or(0));
  }
  for (const auto& event : events) {
    const auto now = found_in(probabilities, event.component);
    if (event.kind == plan::TestEvent::Kind::kBegun) {
      make_room();
      const double before = now.value_or(probability(event.log_odds));
      by_component_[event.component] = {.component = event.component,
                                        .outcome = std::string(kTesting),
                                        .began_at = end,
                                        .ended_at = {},
                                        .before = before,
                                        .after = before,
                                        .packets = 0};
      continue;
    }
    const auto at = by_component_.find(event.component);
    if (at == by_component_.end()) continue;
    at->second.outcome = std::string(to_string(event.kind));
    at->second.ended_at = end;
    at->second.after = now.value_or(0);
    at->second.packets = static_cast<std::uint64_t>(event.packets);
  }
}

void Confirmations::make_room() {
  if (by_component_.size() < kConfirmationsMax) return;
  by_component_.erase(std::ranges::min_element(by_component_, {}, [](const auto& entry) {
    return entry.second.ended_at.value_or(WallTime::max());
  }));
}

std::optional<incident::Confirmation> Confirmations::of(const incident::Incident& incident) const {
  const auto test_of = [&](const std::string& id) -> const incident::Confirmation* {
    const auto at = by_component_.find(id);
    if (at == by_component_.end()) return nullptr;
    const auto& test = at->second;
    const bool is_old = test.ended_at && *test.ended_at <= incident.since;
    return is_old ? nullptr : &test;
  };
  if (const auto* own = test_of(incident.suspect.id)) return *own;
  for (const auto& id : incident.suspect.ambiguous_with) {
    if (const auto* twin = test_of(id)) return *twin;
  }
  return std::nullopt;
}

}  // namespace faultline::core
