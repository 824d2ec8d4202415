// AppBackend's answers from what nodes say of themselves: facts, check, diagnose.
#include <algorithm>
#include <iterator>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/async/clock.h"
#include "common/facts/changes.h"
#include "common/facts/facts_json.h"
#include "common/obs/log.h"
#include "controller/app/backend.h"
#include "controller/app/diagnose_queries.h"
#include "controller/app/facts_store.h"
#include "controller/app/trial_run.h"
#include "controller/diagnose/check.h"
#include "controller/diagnose/diagnosis.h"
#include "controller/diagnose/diagnosis_json.h"
#include "controller/diagnose/findings_json.h"
#include "controller/diagnose/inputs_json.h"
#include "controller/diagnose/witnesses.h"

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
  if (stopping_) return fail(ErrorCode::kUnavailable, "the controller is stopping");
  std::vector<std::pair<NodeId, std::string>> nodes;
  for (const auto& node : snapshots_.snapshot()->nodes) {
    nodes.emplace_back(NodeId{node.id}, node.name);
  }
  auto fleet = load_fleet_facts(store_.ledger(), nodes);
  diagnose::CheckScope scope{.without = std::move(fleet.without)};
  for (const auto& node : fleet.facts) scope.nodes.push_back(node.node);
  return diagnose::to_json(diagnose::check(fleet.facts), scope);
}

std::set<std::string> AppBackend::refresh_facts(const Snapshot& snapshot,
                                                const diagnose::Inputs& known) const {
  struct Awaited {
    NodeId node{};
    std::string name{};
    WallTime known_at{};
    bool is_end = false;
  };
  std::vector<std::string> names{known.a.name, known.b.name};
  std::ranges::copy(diagnose::witnesses(known), std::back_inserter(names));
  std::vector<Awaited> awaited;
  std::vector<NodeId> ids;
  for (const auto& name : names) {
    const auto* node = DiagnoseQueries::find_end(snapshot, name);
    if (node == nullptr || node->state != api::NodeState::kLive) continue;
    const NodeId id{node->id};
    const auto stored = load_facts(store_.ledger(), id, std::nullopt);
    // Who never sent any is of a version that has none, or has joined just now.
    const bool young = node->joined_at && known.question.at - *node->joined_at < kFactsFirstWithin;
    if (!stored && !young) continue;
    ids.push_back(id);
    awaited.push_back({.node = id,
                       .name = name,
                       .known_at = stored ? stored->facts.collected_at : WallTime{},
                       .is_end = name == known.a.name || name == known.b.name});
  }
  if (ids.empty()) return {};
  const auto asked = change([&](std::uint64_t number) -> core::Event {
    return core::AskFacts{.request = number, .nodes = ids};
  });
  if (!asked) return {};
  const auto began = async::now_instant();
  while (!awaited.empty() && !stopping_) {
    // The others are not worth as long a wait as the ends are.
    const bool for_end = std::ranges::any_of(awaited, &Awaited::is_end);
    const auto patience = for_end ? kFactsPatience : kWitnessPatience;
    if (async::now_instant() - began >= patience) break;
    std::this_thread::sleep_for(kStopCheck);
    std::erase_if(awaited, [&](const Awaited& each) {
      const auto stored = load_facts(store_.ledger(), each.node, std::nullopt);
      return stored && stored->facts.collected_at != each.known_at;
    });
  }
  std::set<std::string> unanswered;
  for (const auto& each : awaited) unanswered.insert(each.name);
  return unanswered;
}

std::optional<core::OrderedTest> AppBackend::look_at_test(std::uint64_t number) const {
  const auto snapshot = snapshots_.snapshot();
  const auto found = snapshot->tests.find(number);
  if (found == snapshot->tests.end()) return std::nullopt;
  return found->second;
}

void AppBackend::wait_for(TrialRun& trials, Instant began) const {
  const auto until = std::min(began + kDiagnoseLife, async::now_instant() + kTrialPatience);
  while (!trials.step() && !stopping_ && async::now_instant() < until) {
    std::this_thread::sleep_for(kTrialLook);
  }
}

namespace {

// Where the time of an answer goes, for the log.
class Phases {
 public:
  void end(const char* name) {
    const auto now = async::now_instant();
    text_ += fmt::format("{}{} {} ms", text_.empty() ? "" : ", ", name,
                         (now - began_) / std::chrono::milliseconds{1});
    began_ = now;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  Instant began_ = async::now_instant();
  std::string text_;
};

}  // namespace

Result<api::DiagnoseAnswer> AppBackend::diagnose(const api::DiagnoseRequest& request) const {
  const auto began = async::now_instant();
  if (request.at) FAULTLINE_TRY_STATUS(check_stored(*request.at, async::now_wall()));
  Phases phases;
  const DiagnoseQueries queries(queries_, store_.ledger());
  const auto snapshot = snapshots_.snapshot();
  FAULTLINE_TRY(auto inputs, queries.gather(*snapshot, request, async::now_wall()));
  phases.end("gather");
  TrialRun trials({.begin = [this](const auto& node,
                                   const auto& body) { return begin_test(node, body, false); },
                   .look = [this](std::uint64_t number) { return look_at_test(number); }});
  if (!request.at) {
    // What is asked for is tested whatever the facts say, and meanwhile.
    if (request.tests) trials.want(diagnose::port_trials(inputs), inputs);
    (void)trials.step();
    const auto unanswered = refresh_facts(*snapshot, inputs);
    phases.end("facts");
    FAULTLINE_TRY(inputs, queries.gather(*snapshots_.snapshot(), request, async::now_wall()));
    for (auto* end : {&inputs.a, &inputs.b}) end->unanswered = unanswered.contains(end->name);
    if (request.tests) trials.want(diagnose::way_trials(inputs), inputs);
    phases.end("gather");
    wait_for(trials, began);
    phases.end("tests");
    trials.tell(inputs);
    if (!request.untried.empty()) inputs.untried.push_back(request.untried);
  }
  auto text = request.inputs ? diagnose::inputs_json(inputs).dump(
                                   -1, ' ', false, nlohmann::json::error_handler_t::replace)
                             : diagnose::to_json(diagnose::diagnose(inputs));
  phases.end("answer");
  obs::log_debug("diagnose", "{} and {}: {}", request.a, request.b, phases.text());
  return api::DiagnoseAnswer{std::move(text), trials.ordered()};
}

}  // namespace faultline::app
