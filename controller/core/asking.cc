// ControllerCore's side of inquiries: which nodes the verdict puts in question, and what follows
// for incidents from what others say of them.
#include <algorithm>
#include <iterator>

#include "controller/core/alerts.h"
#include "controller/core/blast_radius.h"
#include "controller/core/core.h"

namespace faultline::core {

void ControllerCore::ask_for_reachability(Now now, EffectSink& effects) {
  inquiries_.tick(now,
                  {.fleet = fleet_,
                   .plans = *plans_,
                   .heartbeat_interval = options_.heartbeat_interval,
                   .relays = relays_},
                  rng_, effects);
  // Before its first question leaves, in the next tick.
  for (const auto node : inquiries_.asked()) standing_.give_way(node, fleet_, effects);
}

std::set<NodeId> ControllerCore::busy_testers() const {
  auto busy = inquiries_.asked();
  for (const auto& [number, test] : tests_.tests()) {
    if (test.state == TestState::kRunning) busy.insert(test.node);
  }
  return busy;
}

// Also of what is but a burst so far: the answers are to be there when it is more.
void ControllerCore::note_dead_nodes() {
  std::set<std::string> names;
  for (const auto& found : solution_->verdict.suspects) {
    const incident::Suspect suspect{.id = found.id,
                                    .from = found.from,
                                    .to = found.to,
                                    .fault_class = std::string(to_string(found.fault_class)),
                                    .loss = found.loss,
                                    .ambiguous_with = found.ambiguous_with};
    if (!incident::is_dead(suspect)) continue;
    for (const auto* node : nodes_at(fleet_, suspect)) names.insert(node->record.name);
  }
  inquiries_.suspected(std::move(names));
}

bool ControllerCore::has_probe_down(const incident::Suspect& suspect) const {
  return std::ranges::any_of(nodes_at(fleet_, suspect), [&](const fleet::Node* node) {
    const auto* known = inquiries_.of(node->record.id);
    return known != nullptr && known->condition == Condition::kProbeDown;
  });
}

// What is lost at a node whose probe is down is no fault of the network, and the finding about the
// probe stands until the node is heard.
void ControllerCore::add_reachability(Now now, incident::JudgedWindow& window) const {
  std::erase_if(window.suspects, [&](const incident::Suspect& suspect) {
    return incident::is_dead(suspect) && has_probe_down(suspect);
  });
  for (const auto& down : inquiries_.probes_down(fleet_)) {
    window.suspects.push_back(to_suspect(down));
  }
  for (const auto& [id, node] : fleet_.nodes()) {
    if (inquiries_.is_undecided(id, now.instant)) window.undecided.push_back(node.record.name);
  }
  for (const auto& incident : incidents_.incidents()) {
    const auto& suspect = incident.suspect;
    if (incident.resolved_at) continue;
    if (incident::is_dead(suspect) && has_probe_down(suspect)) {
      std::erase(window.unmeasured, suspect.id);  // its host is reached across it
    }
    const bool is_in_question =
        suspect.kind == kProbeKind &&
        std::ranges::any_of(suspect.affected, [&](const std::string& name) {
          const auto* node = fleet_.find(name);
          return node != nullptr && inquiries_.of(node->record.id) != nullptr;
        });
    if (is_in_question) window.unmeasured.push_back(suspect.id);
  }
}

}  // namespace faultline::core
