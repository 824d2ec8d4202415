// ReceiptExchange: peers tell each other what has come to their reflectors, so that the direction
// of a loss is known though no reply comes.
//
// A question of the engine goes over the mesh to its peer, and the answer back to the engine. What
// cannot be asked is answered at once with nothing, so that the window does not wait for it. Peers'
// questions are answered from the engine's reflector, about sessions from their own address of the
// plan alone. Nothing is sent again: the next window asks anew. The mesh goes over TCP: of a peer
// from which nothing at all comes back there is no answer either.
//
// An answer counts once, and only to a question that is open: else any peer could fill the engine's
// queue. Bounds: so many questions a second, each way, and of one peer one every kReceiptsSpacing;
// more of peers' are answered with nothing. Pure.
// Thread safety: none. Counters marked (*) mean trouble when they grow.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/model/plan.h"
#include "common/stats/token_bucket.h"
#include "probe/core/effects.h"
#include "probe/core/events.h"

namespace faultline::probe_core {

inline constexpr double kReceiptsPerSecond = 32;
inline constexpr double kReceiptsBurst = 128;
// A peer asks once per window; what its window waits for an answer is over by then.
inline constexpr Duration kReceiptsSpacing = std::chrono::milliseconds{500};
// No window waits so long.
inline constexpr Duration kReceiptsOpenMax = std::chrono::seconds{2};

struct ReceiptCounters {
  std::uint64_t asked = 0;
  std::uint64_t unsent = 0;   // the mesh cannot reach the peer, or there were too many
  std::uint64_t answers = 0;  // of peers
  std::uint64_t served = 0;   // peers' questions
  std::uint64_t shed = 0;     // (*) of these, beyond the bounds: answered with nothing
  std::uint64_t unasked = 0;  // (*) answers to no open question: again, too late, or unsolicited

  bool operator==(const ReceiptCounters&) const = default;
};

class ReceiptExchange {
 public:
  void ask(Now now, const ReceiptQuestion& question, EffectSink& effects);
  void answered(Now now, NodeId from, const Receipts& receipts, EffectSink& effects);

  // Of a peer of the plan.
  void asked(Now now, const PlanPeer& from, const ReceiptsRequest& request, EffectSink& effects);
  void read(const ReceiptsRead& read, EffectSink& effects);

  [[nodiscard]] const ReceiptCounters& counters() const { return counters_; }

 private:
  struct Open {
    NodeId peer{};
    std::uint64_t request = 0;
    Instant until{};
  };
  struct Served {
    NodeId peer{};
    Instant again_from{};
  };

  // False: this peer asked just now, or all of them too much.
  [[nodiscard]] bool admit(Now now, NodeId peer);

  std::optional<stats::TokenBucket> own_;
  std::optional<stats::TokenBucket> others_;
  // As many as the buckets let pass in the time that they are kept for.
  std::vector<Open> open_;
  std::vector<Served> served_;
  ReceiptCounters counters_;
};

}  // namespace faultline::probe_core
