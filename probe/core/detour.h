// Detour: the way of this node's results through a peer, while its own way to the controller is
// cut.
//
//   resting -> asking -> open        asking: RelayRequest is on its way to one peer
//
// A node that has joined and was not welcomed for kDetourAfter asks a peer of its plan, drawn at
// random, whether it would pass results on; one that cannot, does not answer, or whose controller's
// key this node does not know, is left for another, kAsksPerRound of them and then a pause: when
// the controller itself is down, nobody can. While open, batches go sealed to that peer, one at a
// time (Delivery), until one is not acknowledged in time or the node is welcomed again: then the
// direct way takes over. A peer that has reached a bound of its own answers "later": the batch is
// sent to it again, for as long as others get through between. What arrived by both ways is known
// to the controller by (boot, sequence).
//
// Pure but for its effects. Thread safety: none. Counters marked (*) mean trouble when they grow.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "common/base/random.h"
#include "probe/core/effects.h"
#include "probe/core/events.h"

namespace faultline::probe_core {

inline constexpr Duration kDetourAfter = std::chrono::seconds{30};
// Nodes that are cut off together do not ask together: drawn from this, and it jitters the pauses.
inline constexpr Duration kFirstAskSpread = std::chrono::seconds{10};
inline constexpr Duration kAskAnswerWait = std::chrono::seconds{5};
inline constexpr Duration kNextAskWait = std::chrono::milliseconds{500};
inline constexpr std::size_t kAsksPerRound = 8;
inline constexpr Duration kAskRoundPause = std::chrono::seconds{60};
// Below kResendAfter: a peer that loses a batch is left before it is given that once more.
inline constexpr Duration kRelayedAckWait = std::chrono::seconds{8};
inline constexpr std::size_t kRelayedInFlight = 1;
// Well below what one relay passes on (kRelayedPerSecond), or a backlog would use that up.
inline constexpr Duration kRelayedSpacing = std::chrono::milliseconds{100};
inline constexpr Duration kRelayedLaterWait = std::chrono::seconds{1};

struct DetourCounters {
  std::uint64_t asked = 0;
  std::uint64_t refused = 0;     // peers that cannot either: normal when the controller is down
  std::uint64_t unanswered = 0;  // peers that do not answer, or are too old to know the question
  std::uint64_t opened = 0;      // ways found
  std::uint64_t broken = 0;      // (*) ways that took a batch and brought no acknowledgement
  std::uint64_t batches = 0;     // sent this way, repeats included
  std::uint64_t postponed = 0;   // of these, beyond a bound of the relay
  std::uint64_t acks = 0;
  std::uint64_t acks_refused = 0;  // (*) not sealed by the controller: a relay that lies
  std::uint64_t unmatched = 0;     // answers to nothing, or too late

  bool operator==(const DetourCounters&) const = default;
};

class Detour {
 public:
  // What it needs to know of the rest of the core.
  struct View {
    bool welcomed = false;
    const Membership* member = nullptr;  // null: has not joined
    const Plan* plan = nullptr;          // null: knows no peers
    bool has_results = false;            // waiting for acknowledgement
  };

  // What a RelayReply means for what is to be delivered.
  enum class News : std::uint8_t {
    kNone,
    kOpened,    // there is a way now
    kPostponed  // it stays, but what is on it is to be sent again later
  };

  explicit Detour(Rng& rng) : rng_(rng) {}

  void tick(Now now, const View& view, EffectSink& effects);
  [[nodiscard]] News take(Now now, NodeId from, const RelayReply& reply, const View& view,
                          EffectSink& effects);
  // What the controller acknowledged; empty: it is none of the controller's. Also shortly after the
  // way was left: it is as true then. The relay may say an old one again: what is news is
  // progressed().
  [[nodiscard]] std::optional<BatchAck> take(NodeId from, const SealedAck& ack,
                                             EffectSink& effects);
  // What was on its way has arrived.
  void progressed() { sent_at_.reset(); }
  // Seals and sends, on an open way. False: the way is lost.
  [[nodiscard]] bool send(Now now, const Batch& batch, EffectSink& effects);
  // It led nowhere: the next peer is asked soon.
  void leave(Now now);

  [[nodiscard]] bool is_open() const { return state_ == State::kOpen; }
  [[nodiscard]] const DetourCounters& counters() const { return counters_; }

 private:
  enum class State : std::uint8_t { kResting, kAsking, kOpen };

  [[nodiscard]] News answered(Now now, RelayOutcome outcome);
  void ask(Now now, const Plan& plan, EffectSink& effects);
  [[nodiscard]] const PlanPeer* choose(const Plan& plan);
  void rest(Now now, Duration wait);
  [[nodiscard]] Duration jittered(Duration duration);

  Rng& rng_;
  State state_ = State::kResting;
  std::optional<Instant> cut_since_;  // empty: welcomed
  std::optional<Instant> ask_at_;     // empty: to be drawn
  std::set<NodeId> asked_;            // in this round; at most kAsksPerRound
  NodeId relay_{};                    // asked, or taking batches; the last one afterwards
  PublicKey controller_{};            // that relay_ is served by
  Instant asked_at_{};
  std::optional<Instant> sent_at_;  // of what is not acknowledged
  DetourCounters counters_;
};

}  // namespace faultline::probe_core
