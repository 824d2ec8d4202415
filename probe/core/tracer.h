// Tracer: which flow is traced when, in both directions, and the traces that peers ask for.
//
// Visits go over the plan's flows at trace_visits_per_second(): a visit traces the flow forward by
// itself and asks the peer, over the mesh, to trace the way back. Flows never visited come first,
// then those with loss in their last window, then those visited longest ago; every fourth visit
// disregards loss, so that wide trouble does not stop the cycle. Peers' requests are answered at
// the same rate, from a short queue; beyond it they hear "busy". Both share what routers may be
// made to say (trace/tracer.h), and silent hops are tried again, so the engine may not get that
// many done. Few are at the engine at a time (orders_max()): what waits there would only be late.
//
// A flow that the engine gives a hint of (loss began, TTL changed) is visited at the next tick, its
// forward trace ahead of those that are under way. Trouble of a whole fleet gives every flow one,
// so hurried visits are bounded three times: at most kHintsMax flows wait (the others are suspects,
// no more), they get at most half of the plan's rate and kHurriedPerSecondMax a second, and an
// ordinary visit is left out for each of them: the plan's rate is that of both together. They do
// not wait until the engine has got others done, but for kHurriedOrdersMax of their own. The
// engine's budget per hop (trace/tracer.h) holds for them as for all others. Peers are asked for
// the way back as ever, and answer at their own pace.
//
// A flow that goes another way than before, either way, has its packets' size checked
// (known_ways.h, and session/sender.h for how and how often).
//
// Pure. Thread safety: none.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "common/base/random.h"
#include "common/stats/token_bucket.h"
#include "probe/core/effects.h"
#include "probe/core/events.h"
#include "probe/core/known_ways.h"

namespace faultline::probe_core {

// At the engine, of own ones and of peers' each; beyond it visits wait.
inline constexpr std::size_t kOrdersPerRate = 4;     // for each trace per second of the plan
inline constexpr std::size_t kOrdersMax = 256;       // at any rate
inline constexpr std::size_t kHurriedOrdersMax = 8;  // beyond those, of hurried visits
inline constexpr std::size_t kAsksMax = 512;         // unanswered by peers; beyond it none is sent
inline constexpr std::size_t kRequestsMax = 64;      // of peers, waiting; beyond it: busy
inline constexpr std::size_t kHintsMax = 64;         // flows that wait; beyond it: suspects
inline constexpr double kHurriedPerSecondMax = 4;
inline constexpr std::size_t kPathsMax = 2048;  // waiting for a report; the oldest is dropped
inline constexpr std::size_t kPathsPerReportMax = 1024;
// An order that the engine, or a request that the peer, has not answered by then is given up.
inline constexpr Duration kTraceTimeout = std::chrono::seconds{60};
inline constexpr int kTraceTimeoutIntervals = 8;  // of Plan::trace_interval, if that is longer

struct TracerCounters {
  std::uint64_t visits = 0;
  std::uint64_t visits_hurried = 0;  // of them, after a hint
  std::uint64_t hints_crowded = 0;   // too many at once: their flows are suspects
  std::uint64_t paths_forward = 0;
  std::uint64_t paths_return = 0;
  std::uint64_t ways_changed = 0;  // of them, others than before
  std::uint64_t requests_answered = 0;
  std::uint64_t requests_busy = 0;     // (*) peers ask more than the plan foresees
  std::uint64_t requests_refused = 0;  // (*) of who is not in the plan
  std::uint64_t asks_busy = 0;         // peers had no time
  std::uint64_t asks_refused = 0;      // (*) the peer has another plan
  std::uint64_t asks_unsent = 0;       // (*) the mesh cannot reach the peer
  std::uint64_t timeouts = 0;          // (*)
  std::uint64_t empty = 0;             // traces that saw nothing at all
  std::uint64_t unmatched = 0;         // answers to nothing, or too late
  std::uint64_t paths_dropped = 0;     // (*) no report took them in time
  std::uint64_t orders_refused = 0;    // (*) by the engine
  std::uint64_t untrusted = 0;         // (*) mesh messages of who is not in the plan
  std::uint64_t incompatible = 0;      // (*) peers of another protocol version

  bool operator==(const TracerCounters&) const = default;
};

class Tracer {
 public:
  Tracer(std::uint16_t reflector_port, Rng& rng) : reflector_port_(reflector_port), rng_(rng) {}

  // What both plans hold keeps its history.
  void set_plan(Now now, std::shared_ptr<const Plan> plan);
  // While paused nothing is visited; peers are still answered.
  void set_paused(bool paused) { paused_ = paused; }
  [[nodiscard]] const std::shared_ptr<const Plan>& plan() const { return plan_; }

  void tick(Now now, EffectSink& effects);
  // Null: it is nobody of the plan.
  [[nodiscard]] const PlanPeer* peer_of(const PublicKey& key) const;
  // Kinds that are another part's are nothing to it.
  void received(Now now, const PublicKey& sender, const MeshMessage& message, EffectSink& effects);
  void done(Now now, const trace::TraceResult& result, EffectSink& effects);

  // The flow's path may be another now.
  void hint(const FlowHint& hint);

  // Learns which flows lost packets, and adds the paths traced meanwhile.
  void complete(Report& report);

  [[nodiscard]] const TracerCounters& counters() const { return counters_; }

 private:
  using FlowKey = KnownWays::FlowKey;
  struct Flow {
    std::uint32_t peer = 0;  // index into the plan
    std::uint16_t source_port = 0;
    std::optional<Instant> visited_at{};
    bool suspect = false;  // lost packets since its last visit
    bool hurried = false;  // one of hints_
  };
  struct Pending {
    FlowKey flow;
    Instant since{};
  };
  struct Request {
    NodeId asker;
    TraceRequest request;
    Instant since{};
  };

  [[nodiscard]] bool may_visit(std::size_t orders_beyond = 0) const {
    return !paused_ && !flows_.empty() && orders_.size() < orders_max() + orders_beyond;
  }
  [[nodiscard]] Flow* next_hinted();
  void visit(Now now, Flow& flow, bool urgent, EffectSink& effects);
  [[nodiscard]] Flow* next_flow();
  void trace_forward(Now now, const Flow& flow, const PlanPeer& peer, bool urgent,
                     EffectSink& effects);
  void ask_return(Now now, const Flow& flow, const PlanPeer& peer, EffectSink& effects);
  void answer_next(Now now, EffectSink& effects);
  void answer(NodeId to, TraceReply reply, EffectSink& effects);
  void on(Now now, const PlanPeer& peer, const MeshHello& hello, EffectSink& effects);
  void on(Now now, const PlanPeer& peer, const TraceRequest& request, EffectSink& effects);
  void on(Now now, const PlanPeer& peer, const TraceReply& reply, EffectSink& effects);
  void keep(PathRecord path, EffectSink& effects);
  void expire(Now now, EffectSink& effects);
  [[nodiscard]] std::size_t orders_max() const;
  [[nodiscard]] Duration timeout() const;

  const std::uint16_t reflector_port_;
  Rng& rng_;
  std::shared_ptr<const Plan> plan_;
  bool paused_ = false;
  std::vector<Flow> flows_;
  std::map<FlowKey, std::size_t> flow_index_;
  std::map<PublicKey, std::size_t> peers_by_key_;  // index into the plan
  std::map<NodeId, std::size_t> peers_by_node_;
  std::set<NodeId> incompatible_;  // speak another protocol version
  std::optional<stats::TokenBucket> visits_;
  std::optional<stats::TokenBucket> hurried_visits_;
  std::uint64_t owed_ = 0;  // ordinary visits to leave out for hurried ones
  std::deque<FlowKey> hints_;
  std::optional<stats::TokenBucket> answers_;
  std::uint64_t next_id_ = 1;
  // By number, and so oldest first.
  std::map<std::uint64_t, Pending> orders_;   // own, at the engine
  std::map<std::uint64_t, Request> serving_;  // for peers, at the engine
  std::map<std::uint64_t, Pending> asks_;     // at peers
  std::deque<Request> requests_;              // of peers, waiting
  std::deque<PathRecord> paths_;
  KnownWays ways_;
  TracerCounters counters_;
};

}  // namespace faultline::probe_core
