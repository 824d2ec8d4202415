// ControllerCore's keys: pre-placed ones, nodes that change theirs, and the controller's own.
#include <utility>

#include <fmt/format.h>

#include "controller/core/core.h"

namespace faultline::core {
namespace {

constexpr std::string_view kControllerKeysKey = "keys";

DocumentWrite write_of(const fleet::ControllerKeysRecord& record) {
  return {Document::kControllerKeys, std::string(kControllerKeysKey), fleet::to_json(record)};
}

}  // namespace

// Nodes ----------------------------------------------------------------------------------------

void ControllerCore::on(Now now, AddNode event, EffectSink& effects) {
  const auto& own = controller_keys_.record();
  if (event.node.key == own.current.key || (own.next && event.node.key == own.next->key)) {
    return effects.answer(
        event.request,
        fail(ErrorCode::kConflict,
             "this is the controller's own key; the node's is what `faultline-probe --print-key` "
             "prints there"));
  }
  auto change = fleet_.add_node(std::move(event.node), now);
  if (!change) return effects.answer(event.request, tl::unexpected(std::move(change).error()));
  const auto& record = change->nodes.front();
  effects.log(
      Severity::kInfo, "fleet",
      fmt::format("node {} is expected with the key {}", record.name, short_name(record.key)));
  documents_.commit(to_writes(*change), {.messages = {}, .answer = event.request}, effects);
}

void ControllerCore::on(Now now, const RekeyNode& event, EffectSink& effects) {
  const auto* node = fleet_.find(event.name);
  if (node == nullptr) {
    return effects.answer(
        event.request, fail(ErrorCode::kNotFound, fmt::format("there is no node {}", event.name)));
  }
  const auto id = node->record.id;
  auto change = fleet_.ask_rekey(id, now);
  if (!change) return effects.answer(event.request, tl::unexpected(std::move(change).error()));
  // The request goes out when the wish is durable; lost or not, heartbeats repeat it.
  AfterCommit after{.messages = {}, .answer = event.request};
  if (fleet_.rekey_due(id)) after.messages.emplace_back(node->record.key, RekeyRequest{});
  documents_.commit(to_writes(*change), std::move(after), effects);
}

// What a node that has just spoken still owes, or is owed.
void ControllerCore::follow_up_keys(const fleet::Node& node, EffectSink& effects) {
  const auto& record = node.record;
  if (fleet_.rekey_due(record.id) && !rekeyed_.contains(record.id)) {
    effects.send(record.key, RekeyRequest{});
  }
  if (fleet_.may_change_keys(node) &&
      record.controllers_revision < controller_keys_.record().revision) {
    effects.send(record.key, controller_keys_.announcement());
  }
}

void ControllerCore::rekey(Now now, const PeerMessage& event, NodeId id, const Rekey& rekey,
                           EffectSink& effects) {
  const bool is_news = fleet_.find(id)->record.next_key != rekey.key;
  auto change = fleet_.rekey(id, rekey.key, now);
  const auto& name = fleet_.find(id)->record.name;
  if (!change) {
    effects.log(Severity::kWarning, "fleet",
                fmt::format("refused a new key of node {} at {}: {}", name, event.peer,
                            change.error().text));
    return effects.send(event.key, std::move(change).error());
  }
  if (!is_news) {
    if (rekeyed_.contains(id)) return;  // its peers are being told
    AfterCommit after;
    after.messages.emplace_back(event.key, Rekeyed{.key = rekey.key});
    return documents_.commit(to_writes(*change), std::move(after), effects);
  }
  effects.log(Severity::kInfo, "fleet",
              fmt::format("node {} has a new key {}", name, short_name(rekey.key)));
  rekeyed_.insert(id);
  membership_changed(now, id);
  documents_.commit(to_writes(*change), {}, effects);
}

// Those nodes may change over whose peers are told of both keys by this commit's plans. Their
// records go along, so that nobody is told of a key that was not pinned.
std::vector<DocumentWrite> ControllerCore::confirm_rekeys(AfterCommit& after) {
  fleet::Change change;
  for (const auto id : std::exchange(rekeyed_, {})) {
    const auto* node = fleet_.find(id);
    if (node == nullptr || !node->record.next_key) continue;  // removed meanwhile
    change.nodes.push_back(node->record);
    after.messages.emplace_back(node->record.key, Rekeyed{.key = *node->record.next_key});
  }
  return to_writes(change);
}

void ControllerCore::confirm_key(Now now, const PublicKey& key, const std::string& peer,
                                 EffectSink& effects) {
  const auto change = fleet_.confirm_key(key, now);
  const auto& record = change.nodes.front();
  effects.log(Severity::kInfo, "fleet",
              fmt::format("node {} has changed to the key {}; the old one is void", record.name,
                          short_name(key)));
  effects.record({.who = "node " + record.name,
                  .peer = peer,
                  .what = "change-key",
                  .subject = record.name,
                  .note = "to " + short_name(key)});
  membership_changed(now, record.id);
  documents_.commit(to_writes(change), {}, effects);
}

// The controller -------------------------------------------------------------------------------

void ControllerCore::on(Now now, const RekeyController& event, EffectSink& effects) {
  if (event.force) return switch_controller_key(now, event.request, effects);
  auto begun = controller_keys_.propose(event.next, now.wall);
  if (!begun) return effects.answer(event.request, std::move(begun));
  AfterCommit after{.messages = {}, .answer = event.request};
  for (const auto id : controller_keys_.missing(fleet_)) {
    const auto* node = fleet_.find(id);
    if (!fleet_.may_change_keys(*node)) continue;
    after.messages.emplace_back(node->record.key, controller_keys_.announcement());
  }
  effects.log(Severity::kInfo, "fleet",
              fmt::format("the controller will change to the key {}; {} nodes are told",
                          short_name(event.next), after.messages.size()));
  documents_.commit({write_of(controller_keys_.record())}, std::move(after), effects);
}

void ControllerCore::switch_controller_key(Now now, std::optional<std::uint64_t> answer,
                                           EffectSink& effects) {
  const auto next = controller_keys_.record().next;
  const auto missing = controller_keys_.missing(fleet_).size();
  if (auto switched = controller_keys_.switch_over(now.wall); !switched) {
    if (answer) effects.answer(*answer, std::move(switched));
    return;
  }
  ++counters_.controller_rekeys;
  // Their holders would look for a controller under the old key.
  const auto change = fleet_.void_tokens_before(next->since);
  effects.log(
      missing == 0 ? Severity::kInfo : Severity::kWarning, "fleet",
      fmt::format("the controller changes to the key {}; {} nodes do not know it and need a "
                  "new token, {} unused tokens are void",
                  short_name(next->key), missing, change.tokens_erased.size()));
  effects.record({.who = "the controller",
                  .peer = {},
                  .what = "change-controller-key",
                  .subject = short_name(next->key),
                  .note = fmt::format("{} unused tokens are void", change.tokens_erased.size())});
  auto writes = to_writes(change);
  writes.push_back(write_of(controller_keys_.record()));
  documents_.commit(std::move(writes), {.messages = {}, .answer = answer}, effects);
}

// Only a key that a restart would serve, too, is served. Asked again and again, because a write
// that failed is made up for later.
void ControllerCore::serve_what_is_durable(EffectSink& effects) {
  const auto& current = controller_keys_.record().current.key;
  if (current == served_key_ || !documents_.settled()) return;
  served_key_ = current;
  effects.serve_under(current);
}

void ControllerCore::tend_controller_keys(Now now, EffectSink& effects) {
  if (std::exchange(controller_keys_are_news_, false)) {
    documents_.commit({write_of(controller_keys_.record())}, {}, effects);
  }
  if (controller_keys_.record().next && controller_keys_.missing(fleet_).empty()) {
    switch_controller_key(now, std::nullopt, effects);
  }
  serve_what_is_durable(effects);
}

}  // namespace faultline::core
