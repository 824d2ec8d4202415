// ProbeCore: the probe's decisions, composed. One step takes one event and asks for effects.
//
// Why it exists: uplink, delivery, plan and traces meet here and nowhere else, without a socket, a
// clock or a thread, so that the simulator runs exactly what the product runs.
//
//   ControllerReceived -> uplink (joining, keys, heartbeats), plan, delivery (acks)
//   WindowClosed       -> + paths traced meanwhile -> spool -> delivery
//   MeshReceived, TraceDone -> tracer; detour and relay: results by way of a peer, and of peers
//   FactsCollected     -> facts schedule
//   TestNews           -> the controller that ordered the test
//   Tick               -> heartbeats, leases, traces and facts that are due, time-outs
//   LabelsChanged      -> a greeting with the new ones
//   StopRequested      -> farewell: last windows, last batches, Goodbye
//
// Thread safety: none; owned by the probe's loop. Counters marked (*) mean trouble when they grow.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/random.h"
#include "probe/core/delivery.h"
#include "probe/core/detour.h"
#include "probe/core/effects.h"
#include "probe/core/events.h"
#include "probe/core/facts_schedule.h"
#include "probe/core/farewell.h"
#include "probe/core/plan_keeper.h"
#include "probe/core/receipts.h"
#include "probe/core/relay.h"
#include "probe/core/tracer.h"
#include "probe/core/uplink.h"

namespace faultline::probe_core {

struct CoreCounters {
  std::uint64_t reports = 0;
  std::uint64_t results_lost = 0;             // (*) refused by the spool
  std::uint64_t controller_malformed = 0;     // (*)
  std::uint64_t controller_unknown_kind = 0;  // of a newer controller: ignored
  std::uint64_t mesh_malformed = 0;           // (*)
  std::uint64_t tests_ordered = 0;
  std::uint64_t tests_refused = 0;      // too many waited, or the process ends
  std::uint64_t test_news_lost = 0;     // the link took it not: the controller gives the test up
  std::uint64_t mesh_unknown_kind = 0;  // of a newer peer: ignored

  bool operator==(const CoreCounters&) const = default;
};

class ProbeCore {
 public:
  ProbeCore(UplinkOptions options, Rng rng);
  ProbeCore(const ProbeCore&) = delete;
  ProbeCore& operator=(const ProbeCore&) = delete;

  // Before the first step: measures by the plan on disk if its lease still runs.
  void restore(Now now, SavedPlan saved, EffectSink& effects);

  void step(Now now, Event event, EffectSink& effects);

  [[nodiscard]] bool welcomed() const { return uplink_.welcomed(); }
  [[nodiscard]] const CoreCounters& counters() const { return counters_; }
  [[nodiscard]] const Uplink& uplink() const { return uplink_; }
  [[nodiscard]] const Delivery& delivery() const { return delivery_; }
  [[nodiscard]] const PlanKeeper& plan() const { return plan_; }
  [[nodiscard]] const Tracer& tracer() const { return tracer_; }
  [[nodiscard]] const Detour& detour() const { return detour_; }
  [[nodiscard]] const Relay& relay() const { return relay_; }
  [[nodiscard]] const ReceiptExchange& receipts() const { return receipts_; }
  [[nodiscard]] const FactsSchedule& facts() const { return facts_; }
  // As last heard of.
  [[nodiscard]] const SpoolLevel& spool() const { return spool_; }

 private:
  void on(Now now, ControllerReceived event, EffectSink& effects);
  void on(Now now, const ControllerGarbage& event, EffectSink& effects);
  void on(Now now, const MeshReceived& event, EffectSink& effects);
  void on(Now now, const MeshGarbage& event, EffectSink& effects);
  void on(Now now, WindowClosed event, EffectSink& effects);
  void on(Now now, const TraceDone& event, EffectSink& effects);
  void on(Now now, const FlowHint& event, EffectSink& effects);
  void on(Now now, const ReceiptQuestion& event, EffectSink& effects);
  void on(Now now, const ReceiptsRead& event, EffectSink& effects);
  void on(Now now, const SpoolAppended& event, EffectSink& effects);
  void on(Now now, const SpoolFetched& event, EffectSink& effects);
  void on(Now now, const StopRequested& event, EffectSink& effects);
  void on(Now now, const MeasuringEnded& event, EffectSink& effects);
  void on(Now now, const MembershipKept& event, EffectSink& effects);
  void on(Now now, const NextKeyMade& event, EffectSink& effects);
  void on(Now now, FactsCollected event, EffectSink& effects);
  void on(Now now, const TestNews& event, EffectSink& effects);
  void on(Now now, const LabelsChanged& event, EffectSink& effects);
  void on(Now now, const Tick& event, EffectSink& effects);

  void take(Now now, const Joined& message, EffectSink& effects);
  void take(Now now, const Refusal& message, EffectSink& effects);
  void take(Now now, const Welcome& message, EffectSink& effects);
  void take(Now now, const HeartbeatReply& message, EffectSink& effects);
  void take(Now now, Plan message, EffectSink& effects);
  void take(Now now, const BatchAck& message, EffectSink& effects);
  void take(Now now, const RekeyRequest& message, EffectSink& effects);
  void take(Now now, const Rekeyed& message, EffectSink& effects);
  void take(Now now, const Controllers& message, EffectSink& effects);
  void take(Now now, Boost message, EffectSink& effects);
  void take(Now now, const FactsAck& message, EffectSink& effects);
  void take(Now now, const TestRequest& message, EffectSink& effects);
  void take(Now now, const RelayedAck& message, EffectSink& effects);

  void hear(Now now, const Relay::Peer& from, const RelayRequest& message, EffectSink& effects);
  void hear(Now now, const Relay::Peer& from, const RelayReply& message, EffectSink& effects);
  void hear(Now now, const Relay::Peer& from, const SealedBatch& message, EffectSink& effects);
  void hear(Now now, const Relay::Peer& from, const SealedAck& message, EffectSink& effects);
  void hear(Now now, const Relay::Peer& from, const ReceiptsRequest& message, EffectSink& effects);
  void hear(Now now, const Relay::Peer& from, const Receipts& message, EffectSink& effects);
  [[nodiscard]] Detour::View detour_view() const;
  [[nodiscard]] std::optional<PublicKey> relayed_to() const;
  void expect_node(NodeId before, EffectSink& effects);
  [[nodiscard]] NodeId own_node() const;
  void follow_plan(Now now);
  [[nodiscard]] UplinkStatus status() const;

  Rng rng_;
  Uplink uplink_;
  Delivery delivery_;
  PlanKeeper plan_;
  Tracer tracer_;
  Detour detour_;
  Relay relay_;
  ReceiptExchange receipts_;
  FactsSchedule facts_;
  Farewell farewell_;
  SpoolLevel spool_;
  std::uint64_t appending_ = 0;  // reports on their way into the spool
  CoreCounters counters_;
};

}  // namespace faultline::probe_core
