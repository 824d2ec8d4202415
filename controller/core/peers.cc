// ControllerCore's side of the control conversation: joining, hello, heartbeats, operators.
#include <utility>

#include <fmt/format.h>

#include "controller/core/core.h"

namespace faultline::core {

void ControllerCore::on(Now now, PeerMessage event, EffectSink& effects) {
  ++counters_.messages;
  // Checked for every message: a revoked key keeps its open connection (DESIGN.md decision 9).
  const auto trust = fleet_.trust_of(event.key);
  const auto* join_message = std::get_if<Join>(&event.message);
  if (!trust || (trust->role == fleet::Role::kToken && join_message == nullptr)) {
    ++counters_.messages_untrusted;
    effects.log(
        Severity::kWarning, "fleet",
        fmt::format("refused a message of key {} at {}: {}", short_name(event.key), event.peer,
                    trust ? "a token may only join" : "the key is not trusted any more"));
    effects.send(event.key,
                 Refusal{.reason = RefusalReason::kUnknownKey, .text = "this key is not trusted"});
    return;
  }
  if (join_message != nullptr) return join(now, event, *join_message, effects);
  relays_.heard(trust->node);
  if (trust->next_key) confirm_key(now, event.key, event.peer, effects);
  if (const auto* hello_message = std::get_if<Hello>(&event.message)) {
    return hello(now, event, *hello_message, effects);
  }
  if (const auto* beat = std::get_if<Heartbeat>(&event.message)) {
    return heartbeat(now, trust->node, event.key, *beat, effects);
  }
  if (const auto* farewell = std::get_if<Goodbye>(&event.message)) {
    return goodbye(now, trust->node, *farewell, effects);
  }
  if (const auto* ack = std::get_if<PlanAck>(&event.message)) {
    fleet_.plan_acknowledged(trust->node, *ack, now);
    if (!ack->accepted) {
      effects.log(Severity::kWarning, "plan",
                  fmt::format("node {} refused plan {}: {}", fleet_.find(trust->node)->record.name,
                              ack->revision.value(), ack->reason));
    }
    return;
  }
  if (const auto* new_key = std::get_if<Rekey>(&event.message)) {
    return rekey(now, event, trust->node, *new_key, effects);
  }
  fleet_.heard(trust->node, now);
  if (const auto* ack = std::get_if<ControllersAck>(&event.message)) {
    if (ack->revision > controller_keys_.record().revision) return;  // of another controller
    const auto change = fleet_.controllers_acknowledged(trust->node, ack->revision);
    return documents_.commit(to_writes(change), {}, effects);
  }
  if (auto* update = std::get_if<FactsUpdate>(&event.message)) {
    return keep_facts(trust->node, std::move(*update), effects);
  }
  if (auto* progress = std::get_if<TestProgress>(&event.message)) {
    return test_news(now, trust->node, std::move(*progress), effects);
  }
  if (auto* message = std::get_if<Relayed>(&event.message)) {
    return relayed(now, trust->node, event.key, std::move(*message), effects);
  }
  intake_.batch(trust->node, std::move(std::get<Batch>(event.message)), effects);
}

// Whose batch it is says the relay, and the seal proves it.
void ControllerCore::relayed(Now now, NodeId relay, const PublicKey& relay_key, Relayed message,
                             EffectSink& effects) {
  const auto trust = fleet_.trust_of(message.origin);
  if (!trust || trust->role != fleet::Role::kNode || trust->node == relay) {
    relays_.refuse();
    return effects.log(Severity::kWarning, "fleet",
                       fmt::format("refused a batch of key {}, which node {} brought: that key is "
                                   "no other node's, or not trusted any more",
                                   short_name(message.origin), fleet_.find(relay)->record.name));
  }
  const RelayedBy by{.relay = relay, .relay_key = relay_key, .origin = message.origin};
  if (!relays_.admit(relay, now.instant) ||
      !intake_.relayed(trust->node, by, std::move(message.sealed), effects)) {
    relays_.shed();
  }
}

void ControllerCore::keep_facts(NodeId node, FactsUpdate update, EffectSink& effects) {
  if (facts_in_hand_.size() >= kFactsInHandMax || !facts_in_hand_.insert(node).second) {
    ++counters_.facts_shed;
    return;
  }
  effects.keep_facts(node, std::move(update));
}

void ControllerCore::on(Now, const FactsKept& event, EffectSink& effects) {
  facts_in_hand_.erase(event.node);
  ++(event.digest == 0 ? counters_.facts_refused : counters_.facts_kept);
  const auto* node = fleet_.find(event.node);
  if (node == nullptr) return;
  what_changed_.facts_changed(node->record.name, event.changes);
  effects.send(node->record.key, FactsAck{.digest = event.digest});
}

// One check is under way at a time; the next is due so long after it has ended.
void ControllerCore::check_facts(Now now, EffectSink& effects) {
  if (!options_.check.is_enabled() || checking_ || now.instant < check_due_) return;
  CheckJob job;
  for (const auto& [id, node] : fleet_.nodes()) {
    if (!node.record.removed_at) job.nodes.emplace_back(id, node.record.name);
  }
  checking_ = true;
  effects.check(std::move(job));
}

void ControllerCore::on(Now now, const CheckDone& event, EffectSink&) {
  checking_ = false;
  check_due_ = now.instant + options_.check.every;
  ++counters_.checks;
  findings_.take(event.findings, now.wall);
}

void ControllerCore::on(Now, const AskFacts& event, EffectSink& effects) {
  for (const auto id : event.nodes) {
    const auto* node = fleet_.find(id);
    if (node == nullptr || (node->capabilities & kCapabilityFacts) == 0) continue;
    ++counters_.facts_asked;
    // All of them: what this controller has is not known here, and a whole one is small.
    effects.send(node->record.key, FactsAck{.digest = 0, .again = true});
  }
  effects.answer(event.request, {});
}

void ControllerCore::on(Now now, const OrderTest& event, EffectSink& effects) {
  const auto node = tests_.begin(fleet_, event.order, now);
  if (!node) return effects.answer(event.request, tl::unexpected(node.error()));
  standing_.give_way((*node)->record.id, fleet_, effects);
  send_test(admissions_.begin(fleet_, event.order, (*node)->record.id, now.instant, tests_),
            effects);
  effects.answer(event.request, {});
}

void ControllerCore::test_news(Now now, NodeId node, TestProgress progress, EffectSink& effects) {
  if (inquiries_.news(node, progress)) return;
  if (standing_.news(node, progress, fleet_, effects)) return;
  if (const auto released = admissions_.news(node, progress, tests_)) {
    return send_test(*released, effects);
  }
  tests_.news(node, std::move(progress));
  tend_admissions(now, effects);
}

void ControllerCore::tend_admissions(Now now, EffectSink& effects) {
  for (const auto& message : admissions_.tend(tests_, now.instant)) send_test(message, effects);
}

void ControllerCore::send_test(const TestMessage& message, EffectSink& effects) const {
  if (const auto* node = fleet_.find(message.to)) effects.send(node->record.key, message.request);
}

void ControllerCore::on(Now now, const LookAtTest& event, EffectSink& effects) {
  tests_.looked_at(event.test, now.instant);
  effects.answer(event.request, {});
}

void ControllerCore::on(Now now, const EndTest& event, EffectSink& effects) {
  const auto ended = tests_.end(event.test, event.why);
  if (!ended) return effects.answer(event.request, tl::unexpected(ended.error()));
  if (*ended) tell_ended(**ended, effects);
  tend_admissions(now, effects);
  effects.answer(event.request, {});
}

void ControllerCore::tell_ended(const TestOrders::Ended& ended, EffectSink& effects) const {
  if (const auto* node = fleet_.find(ended.node)) effects.send(node->record.key, ended.order);
}

void ControllerCore::on(Now, const PeerGarbage& event, EffectSink& effects) {
  ++counters_.messages;
  if (event.error.code == ErrorCode::kUnsupported) {
    ++counters_.messages_unknown_kind;
    return;
  }
  ++counters_.messages_malformed;
  effects.log(Severity::kWarning, "fleet",
              fmt::format("refused a malformed message of key {} at {}: {}", short_name(event.key),
                          event.peer, event.error.context));
  effects.send(event.key,
               Refusal{.reason = RefusalReason::kMalformed, .text = event.error.context});
}

void ControllerCore::join(Now now, const PeerMessage& event, const Join& join,
                          EffectSink& effects) {
  auto accepted = fleet_.join(event.key, join, now);
  if (!accepted) {
    effects.log(Severity::kWarning, "fleet",
                fmt::format("refused to let key {} at {} join: {}", short_name(event.key),
                            event.peer, accepted.error().text));
    effects.send(event.key, std::move(accepted).error());
    return;
  }
  effects.log(Severity::kInfo, "fleet",
              fmt::format("node {} joined from {} with key {}", accepted->name, event.peer,
                          short_name(join.node_key)));
  if (!accepted->repeated) {
    effects.record({.who = "join token " + short_name(event.key),
                    .peer = event.peer,
                    .what = accepted->returned ? "rejoin" : "join",
                    .subject = accepted->name,
                    .note = {}});
  }
  if (!accepted->repeated) what_changed_.member_changed(accepted->name, "joined", now.wall);
  membership_changed(now, accepted->node);
  AfterCommit after;
  after.messages.emplace_back(event.key, Joined{.node = accepted->node, .name = accepted->name});
  documents_.commit(to_writes(accepted->change), std::move(after), effects);
}

void ControllerCore::hello(Now now, const PeerMessage& event, const Hello& hello,
                           EffectSink& effects) {
  auto accepted = fleet_.hello(event.key, hello, now, windows_.judged_until());
  if (!accepted) {
    effects.log(Severity::kWarning, "fleet",
                fmt::format("refused the hello of key {} at {}: {}", short_name(event.key),
                            event.peer, accepted.error().text));
    effects.send(event.key, std::move(accepted).error());
    return;
  }
  if (accepted->profile_changed) membership_changed(now, accepted->node);
  if (accepted->restarted) {
    what_changed_.node_restarted(accepted->name, now.wall);
    tests_.restarted(accepted->node);
    standing_.restarted(accepted->node);
    inquiries_.restarted(accepted->node);
  }
  if (accepted->returned) {
    effects.log(Severity::kInfo, "fleet",
                fmt::format("node {} restarted and is back; what was measured to and from it "
                            "meanwhile is not judged",
                            accepted->name));
  }
  const auto* plan = plan_of(accepted->node);
  const bool plan_current =
      plan != nullptr && plan->revision == hello.plan && plan_hash(*plan) == hello.plan_hash;
  effects.send(event.key, Welcome{.capabilities = accepted->capabilities,
                                  .software = options_.software,
                                  .node = accepted->node,
                                  .name = accepted->name,
                                  .heartbeat_interval = options_.heartbeat_interval,
                                  .plan_current = plan_current});
  if (plan != nullptr && !plan_current) {
    ++counters_.plans_sent;
    effects.send(event.key, *plan);
  }
  documents_.commit(to_writes(accepted->change), {}, effects);
  follow_up_keys(*fleet_.find(accepted->node), effects);
}

void ControllerCore::goodbye(Now now, NodeId node, const Goodbye& goodbye, EffectSink& effects) {
  const auto change = fleet_.goodbye(node, goodbye, now);
  if (!change) return;
  effects.log(Severity::kInfo, "fleet",
              fmt::format("node {} says goodbye with {} batches to send after its restart",
                          fleet_.find(node)->record.name, goodbye.spool_batches));
  what_changed_.member_changed(fleet_.find(node)->record.name, "left, to come back", now.wall);
  documents_.commit(to_writes(*change), {}, effects);
}

void ControllerCore::heartbeat(Now now, NodeId node, const PublicKey& key,
                               const Heartbeat& heartbeat, EffectSink& effects) {
  fleet_.heartbeat(node, heartbeat, now);
  if (const auto& known = *fleet_.find(node); known.clock_offset) {
    what_changed_.clock_read(known.record.name, *known.clock_offset, now.wall);
  }
  if (!fleet_.find(node)->introduced) return ask_hello(key, effects);
  effects.send(key, HeartbeatReply{.sequence = heartbeat.sequence,
                                   .sent_at = heartbeat.sent_at,
                                   .answered_at = now.wall});
  // A plan that was lost on the way is sent again with the heartbeat that shows it.
  const auto* plan = plan_of(node);
  if (plan != nullptr && heartbeat.plan != plan->revision &&
      fleet_.find(node)->plan_refusal.empty()) {
    ++counters_.plans_sent;
    effects.send(key, *plan);
  }
  follow_up_keys(*fleet_.find(node), effects);
}

// A restart of this controller that fits between two messages of a probe escapes it: it goes on
// with heartbeats, and nobody here knows what it can. Of all refusals this one ends its connection
// for the shortest time, with probes of every version: it greets anew within six seconds.
void ControllerCore::ask_hello(const PublicKey& key, EffectSink& effects) {
  ++counters_.hellos_asked;
  effects.send(key, Refusal{.reason = RefusalReason::kOverloaded,
                            .text = "the controller started anew and does not know this probe yet: "
                                    "greet it again"});
}

void ControllerCore::on(Now now, CreateToken event, EffectSink& effects) {
  auto change = fleet_.create_token(std::move(event.token), now);
  if (!change) return effects.answer(event.request, tl::unexpected(std::move(change).error()));
  documents_.commit(to_writes(*change), {.messages = {}, .answer = event.request}, effects);
}

void ControllerCore::on(Now, const RemoveToken& event, EffectSink& effects) {
  auto change = fleet_.remove_token(event.key);
  if (!change) return effects.answer(event.request, tl::unexpected(std::move(change).error()));
  documents_.commit(to_writes(*change), {.messages = {}, .answer = event.request}, effects);
}

void ControllerCore::on(Now now, const RemoveNode& event, EffectSink& effects) {
  const auto* node = fleet_.find(event.name);
  if (node == nullptr) {
    return effects.answer(
        event.request, fail(ErrorCode::kNotFound, fmt::format("there is no node {}", event.name)));
  }
  const NodeId id = node->record.id;
  auto change = fleet_.remove_node(id, now);
  if (!change) return effects.answer(event.request, tl::unexpected(std::move(change).error()));
  effects.log(Severity::kInfo, "fleet", fmt::format("node {} is removed", event.name));
  membership_changed(now, id);
  intake_.forget(id);
  relays_.forget(id);
  windows_.forget(id);
  documents_.commit(to_writes(*change), {.messages = {}, .answer = event.request}, effects);
  // Its peers go on answering it until their plans say otherwise: at once, not after the delay.
  make_plans(now, effects);
}

}  // namespace faultline::core
