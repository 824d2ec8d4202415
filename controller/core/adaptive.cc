// The part of ControllerCore that sends a few extra packets where they decide something: from a
// solution to boosts for probes (controller/plan/adaptive.h decides).
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "controller/core/core.h"

namespace faultline::core {
namespace {

double per_second(std::size_t packets, Duration interval) {
  return static_cast<double>(packets) / std::chrono::duration<double>(interval).count();
}

std::string describe(const plan::TestEvent& event) {
  const double odds = std::exp(event.log_odds);
  const auto said =
      odds >= 1 ? fmt::format("{:.1f} : 1", odds) : fmt::format("1 : {:.1f}", 1 / odds);
  if (event.kind == plan::TestEvent::Kind::kBegun) {
    return fmt::format("{} is suspicious at odds of {}: about {:.0f} extra packets should decide",
                       event.component, said, event.packets);
  }
  return fmt::format("{} is {} at odds of {} after {:.0f} extra packets", event.component,
                     to_string(event.kind), said, event.packets);
}

}  // namespace

plan::AdaptiveInput ControllerCore::adaptive_input(Now now, OpenQuestions open) const {
  plan::AdaptiveInput input{.contested = std::move(open.contested),
                            .suspects = std::move(open.suspects),
                            .health = {.nodes_expected = solution_->nodes_expected,
                                       .nodes_reported = solution_->nodes_reported,
                                       .nodes_sick = open.nodes_sick,
                                       .packets = open.packets,
                                       .lost = open.lost},
                            .window = options_.planner.window,
                            .flow_interval = plans_->flow_interval};
  input.health.changing = plans_due_.has_value() || !store_trouble(now.instant).empty();
  if (open.packets > 0) {
    input.background = static_cast<double>(open.lost) / static_cast<double>(open.packets);
  }
  std::set<NodeId> live;
  for (const auto& budget : plans_->budgets) {
    const auto* node = fleet_.find(budget.node);
    const auto* plan = plan_of(budget.node);
    if (node == nullptr || plan == nullptr || node->state != fleet::NodeState::kLive) continue;
    live.insert(budget.node);
    input.packets_per_second_planned += per_second(plan->flows.size(), plan->flow_interval);
    if ((node->capabilities & kCapabilityBoost) == 0 || node->plan != plan->revision) continue;
    input.headroom[budget.node] =
        static_cast<double>(plan->packets_per_second_max) - budget.packets_per_second_sent;
  }
  for (auto& contested : input.contested) {
    std::erase_if(contested.flows,
                  [&](const plan::KnownFlow& flow) { return !live.contains(flow.key.target); });
  }
  return input;
}

void ControllerCore::probe_adaptively(Now now, EffectSink& effects) {
  if (!options_.adaptive.enabled) return;
  const auto input = adaptive_input(now, std::exchange(solution_->open, {}));
  const auto extra = adaptive_.next(now.instant, input);
  confirmations_.follow(extra.events, adaptive_,
                        probabilities_of(solution_->verdict, input.contested),
                        solution_->window_start + solution_->window);
  for (const auto& event : extra.events) {
    effects.log(Severity::kInfo, "adaptive", describe(event));
  }
  send_boosts(extra, effects);
}

void ControllerCore::send_boosts(const plan::ExtraFlows& extra, EffectSink& effects) const {
  for (auto at = extra.flows.begin(); at != extra.flows.end();) {
    const NodeId source = at->flow.source;
    const auto end = std::find_if(at, extra.flows.end(),
                                  [&](const auto& flow) { return flow.flow.source != source; });
    const auto& plan = *plan_of(source);  // it had headroom
    std::map<std::pair<NodeId, std::uint16_t>, std::uint16_t> times;
    for (; at != end; ++at) {
      times[{at->flow.target, at->flow.source_port}] = static_cast<std::uint16_t>(at->times);
    }
    Boost boost{.plan = plan.revision, .life = extra.life};
    for (std::uint32_t i = 0; i < plan.flows.size(); ++i) {
      const auto& flow = plan.flows[i];
      const auto found = times.find({plan.peers[flow.peer].node, flow.source_port});
      if (found != times.end()) boost.flows.push_back({i, found->second});
    }
    // A path can outlive its flow in the plan.
    if (!boost.flows.empty()) effects.send(fleet_.find(source)->record.key, std::move(boost));
  }
}

}  // namespace faultline::core
