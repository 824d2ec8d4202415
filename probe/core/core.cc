#include "probe/core/core.h"

#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace faultline::probe_core {

ProbeCore::ProbeCore(UplinkOptions options, Rng rng)
    : rng_(std::move(rng)),
      uplink_(options, rng_),
      delivery_(options.boot),
      plan_(options.profile),
      tracer_(options.profile.reflector_port, rng_),
      detour_(rng_),
      facts_(rng_) {}

void ProbeCore::restore(Now now, SavedPlan saved, EffectSink& effects) {
  if (!uplink_.membership()) return;
  plan_.restore(now, std::move(saved), uplink_.membership()->node, effects);
  follow_plan(now);
}

void ProbeCore::step(Now now, Event event, EffectSink& effects) {
  std::visit([&](auto&& kind) { on(now, std::forward<decltype(kind)>(kind), effects); },
             std::move(event));
  if (!uplink_.welcomed() && !detour_.is_open()) delivery_.suspend();
  follow_plan(now);
}

void ProbeCore::follow_plan(Now now) {
  if (plan_.measuring() && tracer_.plan() != plan_.current()) {
    tracer_.set_plan(now, plan_.current());
  }
  tracer_.set_paused(!plan_.measuring() || farewell_.begun());
}

void ProbeCore::on(Now now, ControllerReceived event, EffectSink& effects) {
  uplink_.heard(now);
  const auto belongs = [&](const auto& message) {
    using Message = std::decay_t<decltype(message)>;
    return uplink_.welcomed() || std::is_same_v<Message, Joined> ||
           std::is_same_v<Message, Welcome> || std::is_same_v<Message, Refusal>;
  };
  if (!std::visit(belongs, event.message)) return uplink_.unexpected();
  std::visit([&](auto&& message) { take(now, std::forward<decltype(message)>(message), effects); },
             std::move(event.message));
}

void ProbeCore::take(Now now, const Joined& message, EffectSink& effects) {
  const auto before = own_node();
  uplink_.joined(now, message, effects);
  expect_node(before, effects);
}

void ProbeCore::take(Now now, const Refusal& message, EffectSink& effects) {
  uplink_.refused(now, message, effects);
}

void ProbeCore::take(Now now, const Welcome& message, EffectSink& effects) {
  const auto before = own_node();
  const bool is_new = uplink_.welcome(now, message, effects);
  expect_node(before, effects);
  if (!is_new) return;
  if (message.plan_current && !farewell_.begun()) plan_.renew(now, effects);
  detour_.tick(now, detour_view(), effects);  // ends: duplicates of what it carries are harmless
  delivery_.restart(now, effects);
}

void ProbeCore::take(Now now, const HeartbeatReply& /*message*/, EffectSink& effects) {
  plan_.renew(now, effects);
}

void ProbeCore::take(Now now, Plan message, EffectSink& effects) {
  if (farewell_.begun()) return;  // the next process is given it again
  plan_.receive(now, std::move(message), uplink_.membership()->node, effects);
}

void ProbeCore::take(Now now, const BatchAck& message, EffectSink& effects) {
  static_cast<void>(delivery_.acknowledged(now, message, effects));
}

void ProbeCore::take(Now /*now*/, const RelayedAck& message, EffectSink& effects) {
  relay_.take(message, effects);
}

void ProbeCore::take(Now now, const RekeyRequest& message, EffectSink& effects) {
  uplink_.take(now, message, effects);
}

void ProbeCore::take(Now now, const Rekeyed& message, EffectSink& effects) {
  uplink_.take(now, message, effects);
}

void ProbeCore::take(Now now, const Controllers& message, EffectSink& effects) {
  uplink_.take(now, message, effects);
}

void ProbeCore::take(Now /*now*/, Boost message, EffectSink& effects) {
  if (!farewell_.begun()) plan_.boost(std::move(message), effects);
}

void ProbeCore::take(Now now, const FactsAck& message, EffectSink& effects) {
  effects.facts_acknowledged(message);
  if (!message.again) return;
  facts_.hurry(now);
  facts_.tick(now, uplink_, effects);
}

void ProbeCore::take(Now /*now*/, const TestRequest& message, EffectSink& effects) {
  ++counters_.tests_ordered;
  if (!farewell_.begun() && effects.order_test(message)) {
    return effects.log(Severity::kInfo, "tests", "ordered: " + message.order);
  }
  ++counters_.tests_refused;
  const char* why = farewell_.begun() ? "the probe is stopping"
                                      : "too many tests wait on this node already; try again later";
  static_cast<void>(effects.send_controller(
      TestProgress{.test = message.test, .state = TestState::kRefused, .text = why}));
}

void ProbeCore::on(Now /*now*/, const TestNews& event, EffectSink& effects) {
  const bool sent = uplink_.welcomed() && effects.send_controller(event.progress);
  if (!sent) ++counters_.test_news_lost;
}

void ProbeCore::on(Now now, FactsCollected event, EffectSink& effects) {
  facts_.collected(now, std::move(event), uplink_, effects);
}

void ProbeCore::on(Now /*now*/, const MembershipKept& event, EffectSink& effects) {
  uplink_.membership_kept(event.membership, effects);
}

void ProbeCore::on(Now /*now*/, const NextKeyMade& event, EffectSink& effects) {
  uplink_.next_key_made(event.key, effects);
}

NodeId ProbeCore::own_node() const {
  return uplink_.membership() ? uplink_.membership()->node : NodeId{};
}

// A node that joined anew is another one: the plan that it has is not its own any more.
void ProbeCore::expect_node(NodeId before, EffectSink& effects) {
  if (before != NodeId{} && before != own_node()) plan_.forget(effects);
}

void ProbeCore::on(Now /*now*/, const ControllerGarbage& event, EffectSink& effects) {
  if (event.error.code == ErrorCode::kUnsupported) {
    ++counters_.controller_unknown_kind;
    return;
  }
  ++counters_.controller_malformed;
  effects.log(Severity::kWarning, "uplink", "ignored: " + event.error.context);
}

void ProbeCore::on(Now now, const MeshReceived& event, EffectSink& effects) {
  tracer_.received(now, event.sender, event.message, effects);
  const auto* peer = tracer_.peer_of(event.sender);
  if (peer == nullptr) return;
  const Relay::Peer from{.node = peer->node, .key = event.sender};
  const auto take = [&](const auto& kind) {
    if constexpr (requires { hear(now, from, kind, effects); }) hear(now, from, kind, effects);
  };
  std::visit(take, event.message);
}

void ProbeCore::hear(Now now, const Relay::Peer& from, const RelayRequest& message,
                     EffectSink& effects) {
  relay_.take(now, from, message, relayed_to(), effects);
}

void ProbeCore::hear(Now now, const Relay::Peer& from, const SealedBatch& message,
                     EffectSink& effects) {
  relay_.take(now, from, message, relayed_to(), effects);
}

void ProbeCore::hear(Now now, const Relay::Peer& from, const RelayReply& message,
                     EffectSink& effects) {
  if (uplink_.welcomed()) return;
  switch (detour_.take(now, from.node, message, detour_view(), effects)) {
    case Detour::News::kOpened:
      return delivery_.restart(now, effects,
                               {.in_flight_max = kRelayedInFlight, .spacing = kRelayedSpacing});
    case Detour::News::kPostponed:
      return delivery_.postpone(now, kRelayedLaterWait);
    case Detour::News::kNone:
      return;
  }
}

// What acknowledges a batch that is on its way was said just now, and by a controller that still
// takes this node's results: as good a sign as an answered heartbeat. An old one, said again by
// whoever passes it on, acknowledges nothing of the kind. Nor does any of them say how much the
// controller takes of this node directly.
void ProbeCore::hear(Now now, const Relay::Peer& from, const SealedAck& message,
                     EffectSink& effects) {
  const auto ack = detour_.take(from.node, message, effects);
  if (!ack) return;
  if (uplink_.welcomed()) return effects.release(ack->boot, ack->durable);
  if (!delivery_.acknowledged(now, *ack, effects)) return;
  detour_.progressed();
  plan_.renew(now, effects);
}

void ProbeCore::hear(Now now, const Relay::Peer& from, const ReceiptsRequest& message,
                     EffectSink& effects) {
  receipts_.asked(now, *tracer_.peer_of(from.key), message, effects);
}

void ProbeCore::hear(Now now, const Relay::Peer& from, const Receipts& message,
                     EffectSink& effects) {
  receipts_.answered(now, from.node, message, effects);
}

// Whom this node can pass the results of others on to.
std::optional<PublicKey> ProbeCore::relayed_to() const {
  if (!uplink_.has(kCapabilityRelay) || farewell_.begun()) return std::nullopt;
  return uplink_.controller();
}

Detour::View ProbeCore::detour_view() const {
  const auto& member = uplink_.membership();
  return {.welcomed = uplink_.welcomed(),
          .member = member ? &*member : nullptr,
          .plan = tracer_.plan().get(),
          .has_results = spool_.batches > 0};
}

void ProbeCore::on(Now /*now*/, const MeshGarbage& event, EffectSink& effects) {
  if (event.error.code == ErrorCode::kUnsupported) {
    ++counters_.mesh_unknown_kind;
    return;
  }
  ++counters_.mesh_malformed;
  effects.log(Severity::kWarning, "mesh",
              fmt::format("ignored of key {}: {}", short_name(event.sender), event.error.context));
}

void ProbeCore::on(Now /*now*/, WindowClosed event, EffectSink& effects) {
  ++counters_.reports;
  tracer_.complete(event.report);
  ++appending_;
  effects.append(std::move(event.report));
}

void ProbeCore::on(Now now, const TraceDone& event, EffectSink& effects) {
  tracer_.done(now, event.result, effects);
}

void ProbeCore::on(Now /*now*/, const FlowHint& event, EffectSink& /*effects*/) {
  tracer_.hint(event);
}

void ProbeCore::on(Now now, const ReceiptQuestion& event, EffectSink& effects) {
  receipts_.ask(now, event, effects);
}

void ProbeCore::on(Now /*now*/, const ReceiptsRead& event, EffectSink& effects) {
  receipts_.read(event, effects);
}

void ProbeCore::on(Now now, const SpoolAppended& event, EffectSink& effects) {
  spool_ = event.level.value_or(spool_);
  if (appending_ > 0) --appending_;
  if (!event.status) {
    counters_.results_lost += event.results;
    effects.log(
        Severity::kWarning, "spool",
        fmt::format("{} results are lost: {}", event.results, event.status.error().context));
  }
  delivery_.appended(now, event.sequence, effects);
}

void ProbeCore::on(Now now, const SpoolFetched& event, EffectSink& effects) {
  spool_ = event.level.value_or(spool_);
  const auto outlet = [&](const Batch& batch) {
    return detour_.is_open() ? detour_.send(now, batch, effects) : effects.send_controller(batch);
  };
  // A detour that failed has left its way already.
  if (!delivery_.fetched(now, event, outlet, effects)) uplink_.lost(now, effects);
}

void ProbeCore::on(Now now, const StopRequested& /*event*/, EffectSink& effects) {
  farewell_.begin(now, plan_.measuring(), effects);
}

void ProbeCore::on(Now /*now*/, const MeasuringEnded& /*event*/, EffectSink& /*effects*/) {
  farewell_.measuring_ended();
}

void ProbeCore::on(Now now, const LabelsChanged& event, EffectSink& /*effects*/) {
  if (!farewell_.begun()) uplink_.relabel(now, event.labels);
}

void ProbeCore::on(Now now, const Tick& /*event*/, EffectSink& effects) {
  if (farewell_.begun()) {
    const bool delivered = appending_ == 0 && delivery_.idle();
    delivery_.tick(now, effects);
    return farewell_.tick(now, delivered, uplink_,
                          {.stopped_at = now.wall, .spool_batches = delivered ? 0 : spool_.batches},
                          effects);
  }
  uplink_.tick(now, status(), effects);
  detour_.tick(now, detour_view(), effects);
  delivery_.tick(now, effects);
  plan_.tick(now, effects);
  tracer_.tick(now, effects);
  facts_.tick(now, uplink_, effects);
}

UplinkStatus ProbeCore::status() const {
  return {.plan = plan_.current() ? plan_.current()->revision : PlanRevision{},
          .plan_hash = plan_.greeted_hash(),
          .spool = spool_};
}

}  // namespace faultline::probe_core
