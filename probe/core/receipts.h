// ReceiptExchange: peers tell each other what has come to their reflectors, so that the direction
// of a loss is known though no reply comes.
//
// A question of the engine goes over the mesh to its peer, and the answer back to the engine. What
// cannot be asked is answered at once with nothing, so that the window does not wait for it. Peers'
// questions are answered from the engine's reflector, about sessions from their own address of the
// plan alone. Nothing is sent again: the next window asks anew. The mesh goes over TCP: of a peer
// from which nothing at all comes back there is no answer either.
//
// Bounds: so many questions a second, each way; of peers, more are answered with nothing. Pure.
// Thread safety: none. Counters marked (*) mean trouble when they grow.
#pragma once

#include <cstdint>
#include <optional>

#include "common/model/plan.h"
#include "common/stats/token_bucket.h"
#include "probe/core/effects.h"
#include "probe/core/events.h"

namespace faultline::probe_core {

inline constexpr double kReceiptsPerSecond = 32;
inline constexpr double kReceiptsBurst = 128;

struct ReceiptCounters {
  std::uint64_t asked = 0;
  std::uint64_t unsent = 0;   // the mesh cannot reach the peer, or there were too many
  std::uint64_t answers = 0;  // of peers
  std::uint64_t served = 0;   // peers' questions
  std::uint64_t shed = 0;     // (*) of these, beyond the bound: answered with nothing

  bool operator==(const ReceiptCounters&) const = default;
};

class ReceiptExchange {
 public:
  void ask(Now now, const ReceiptQuestion& question, EffectSink& effects);
  void answered(NodeId from, const Receipts& receipts, EffectSink& effects);

  // Of a peer of the plan.
  void asked(Now now, const PlanPeer& from, const ReceiptsRequest& request, EffectSink& effects);
  void read(const ReceiptsRead& read, EffectSink& effects);

  [[nodiscard]] const ReceiptCounters& counters() const { return counters_; }

 private:
  std::optional<stats::TokenBucket> own_;
  std::optional<stats::TokenBucket> others_;
  ReceiptCounters counters_;
};

}  // namespace faultline::probe_core
