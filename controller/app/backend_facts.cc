// AppBackend's answers from what nodes say of themselves: facts, check, diagnose.
#include <algorithm>
#include <thread>

#include <nlohmann/json.hpp>

#include "common/async/clock.h"
#include "common/facts/changes.h"
#include "common/facts/facts_json.h"
#include "controller/app/backend.h"
#include "controller/app/diagnose_queries.h"
#include "controller/app/facts_store.h"
#include "controller/diagnose/check.h"
#include "controller/diagnose/diagnosis.h"
#include "controller/diagnose/diagnosis_json.h"
#include "controller/diagnose/findings_json.h"
#include "controller/diagnose/inputs_json.h"

namespace faultline::app {

Result<std::string> AppBackend::facts(std::string_view name, std::optional<WallTime> at) const {
  FAULTLINE_TRY(const auto id, find_node(*snapshots_.snapshot(), name));
  FAULTLINE_TRY(const auto stored, load_facts(store_.ledger(), id, at));
  auto document = facts::to_json(stored.facts);
  document["node"] = name;
  document["since"] = format_rfc3339(stored.since);
  return document.dump();
}

Result<std::string> AppBackend::facts_changes(std::string_view name, WallTime since) const {
  FAULTLINE_TRY(const auto id, find_node(*snapshots_.snapshot(), name));
  FAULTLINE_TRY(const auto states, load_states(store_.ledger(), id, since));
  if (states.empty()) return fail(ErrorCode::kNotFound, "the node has sent no facts");
  auto steps = nlohmann::ordered_json::array();
  for (std::size_t i = 1; i < states.size(); ++i) {
    auto changes = nlohmann::ordered_json::array();
    for (const auto& change : facts::changes(states[i - 1].facts, states[i].facts)) {
      changes.push_back(
          {{"what", change.what}, {"before", change.before}, {"after", change.after}});
    }
    steps.push_back({{"at", format_rfc3339(states[i].since)}, {"changes", std::move(changes)}});
  }
  const nlohmann::ordered_json document{{"schema", "faultline.facts_changes/1"},
                                        {"node", name},
                                        {"since", format_rfc3339(since)},
                                        {"oldest_kept", format_rfc3339(states.front().since)},
                                        {"steps", std::move(steps)}};
  return document.dump();
}

Result<std::string> AppBackend::check() const {
  const auto snapshot = snapshots_.snapshot();
  std::vector<diagnose::NodeFacts> fleet;
  diagnose::CheckScope scope;
  for (const auto& node : snapshot->nodes) {
    if (stopping_) return fail(ErrorCode::kUnavailable, "the controller is stopping");
    auto stored = load_facts(store_.ledger(), NodeId{node.id}, std::nullopt);
    if (!stored) {
      scope.without.push_back(node.name);
      continue;
    }
    scope.nodes.push_back(node.name);
    fleet.push_back({.node = node.name,
                     .facts = std::move(stored->facts),
                     .earlier = std::move(stored->earlier)});
  }
  return diagnose::to_json(diagnose::check(fleet), scope);
}

void AppBackend::refresh_facts(const std::vector<const api::NodeView*>& nodes) const {
  std::vector<std::pair<NodeId, WallTime>> awaited;
  std::vector<NodeId> ids;
  for (const auto* node : nodes) {
    if (node == nullptr || node->state != api::NodeState::kLive) continue;
    const NodeId id{node->id};
    const auto stored = load_facts(store_.ledger(), id, std::nullopt);
    // Who never sent any is of a version that has none.
    if (!stored) continue;
    awaited.emplace_back(id, stored->facts.collected_at);
    ids.push_back(id);
  }
  if (ids.empty()) return;
  const auto asked = change([&](std::uint64_t number) -> core::Event {
    return core::AskFacts{.request = number, .nodes = ids};
  });
  if (!asked) return;
  const auto until = async::now_instant() + kFactsPatience;
  while (!awaited.empty() && !stopping_ && async::now_instant() < until) {
    std::this_thread::sleep_for(kStopCheck);
    std::erase_if(awaited, [&](const auto& node) {
      const auto stored = load_facts(store_.ledger(), node.first, std::nullopt);
      return !stored || stored->facts.collected_at != node.second;
    });
  }
}

Result<std::string> AppBackend::diagnose(const api::DiagnoseRequest& request) const {
  const DiagnoseQueries queries(queries_, store_.ledger());
  const auto snapshot = snapshots_.snapshot();
  if (!request.at) {
    refresh_facts({DiagnoseQueries::find_end(*snapshot, request.a),
                   DiagnoseQueries::find_end(*snapshot, request.b)});
  }
  FAULTLINE_TRY(const auto inputs,
                queries.gather(*snapshots_.snapshot(), request, async::now_wall()));
  if (request.inputs)
    return diagnose::inputs_json(inputs).dump(-1, ' ', false,
                                              nlohmann::json::error_handler_t::replace);
  return diagnose::to_json(diagnose::diagnose(inputs));
}

}  // namespace faultline::app
