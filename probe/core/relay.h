// Relay: passing on the results of peers that are cut off from the controller.
//
// Only while the controller welcomes this node and knows how to take them, only for peers of the
// plan, and within bounds: kOriginsMax peers at a time, so many batches and octets a second. What
// is passed on is sealed (common/crypto/seal.h): this node neither reads nor keeps it, and knows no
// more of it than to whom the acknowledgement goes. A batch that is not passed on is answered: with
// "cannot", so that its node asks another one, or with "later" where only a bound was reached.
//
// Pure but for its effects. Thread safety: none.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "common/stats/token_bucket.h"
#include "probe/core/effects.h"
#include "probe/core/events.h"

namespace faultline::probe_core {

inline constexpr std::size_t kOriginsMax = 32;
inline constexpr Duration kOriginKept = std::chrono::seconds{60};  // after its last word
inline constexpr double kRelayedPerSecond = 20;
inline constexpr double kRelayedBurst = 64;
inline constexpr double kRelayedOctetsPerSecond = 256 << 10;
inline constexpr double kRelayedOctetsBurst = 2 << 20;  // above kSealedMax, or that never fits

struct RelayCounters {
  std::uint64_t asked = 0;
  std::uint64_t ready = 0;           // of these
  std::uint64_t batches = 0;         // passed on
  std::uint64_t batches_shed = 0;    // beyond a bound, or this node is cut off itself
  std::uint64_t acks = 0;            // handed back
  std::uint64_t acks_unmatched = 0;  // (*) for nobody that asked

  bool operator==(const RelayCounters&) const = default;
};

class Relay {
 public:
  struct Peer {
    NodeId node{};
    PublicKey key{};  // that it came under
  };

  // `controller`: the key of the one that welcomes this node and takes what is passed on; empty:
  // there is none.
  void take(Now now, const Peer& from, const RelayRequest& request,
            const std::optional<PublicKey>& controller, EffectSink& effects);
  void take(Now now, const Peer& from, const SealedBatch& batch,
            const std::optional<PublicKey>& controller, EffectSink& effects);
  // Of the controller.
  void take(const RelayedAck& ack, EffectSink& effects);

  [[nodiscard]] const RelayCounters& counters() const { return counters_; }

 private:
  struct Origin {
    NodeId node{};
    Instant heard_at{};
  };

  // What may be passed on.
  struct Allowance {
    stats::TokenBucket batches;
    stats::TokenBucket octets;
  };

  [[nodiscard]] bool admit(Now now, const Peer& from);
  // kReady: it is on its way to the controller.
  [[nodiscard]] RelayOutcome pass_on(Now now, const Peer& from, const SealedBatch& batch,
                                     EffectSink& effects);

  std::map<PublicKey, Origin> origins_;
  std::optional<Allowance> allowance_;
  RelayCounters counters_;
};

}  // namespace faultline::probe_core
