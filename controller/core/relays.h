// Relays: nodes that are cut off and whose results come by way of another node.
//
// Why it exists: such a node is silent, yet its probe lives and measures: it must be called neither
// down nor unseen. What proves it is a batch that was sealed by its key (common/crypto/seal.h) and
// holds a window that has just closed; what another node says of it, or says again, does not.
// Acknowledgements go to who brought the newest batch. Both end with the first word of the node
// itself.
//
// Bounds: one entry per node, cut off or helping; so many batches a second, of one helper and of
// all together, for each costs the loop a seal. Pure. Thread safety: none; owned by the core.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/stats/token_bucket.h"
#include "controller/core/events.h"

namespace faultline::core {

inline constexpr double kRelayedPerSecondMax = 100;
inline constexpr double kRelayedByOnePerSecondMax = 20;  // as a probe that helps bounds itself

struct RelayCounters {
  std::uint64_t batches = 0;  // opened; duplicates of what came directly are among them
  std::uint64_t refused = 0;  // of who is not trusted, or whose seal does not open
  std::uint64_t shed = 0;     // kRelayedPerSecondMax, or no room: sent again

  bool operator==(const RelayCounters&) const = default;
};

class Relays {
 public:
  // A window proves that its node lives until it is `fresh_for` old.
  explicit Relays(Duration fresh_for) : fresh_for_(fresh_for) {}

  [[nodiscard]] bool admit(NodeId relay, Instant now);
  void refuse() { ++counters_.refused; }
  void shed() { ++counters_.shed; }
  // A batch of the node whose seal has opened.
  void brought(NodeId node, const RelayedBy& by);
  // A window of the node, of a report that is stored now.
  void stored(NodeId node, WallTime window_end, WallTime now);
  // The node itself said something.
  void heard(NodeId node) { ways_.erase(node); }

  void forget(NodeId node) {
    ways_.erase(node);
    brought_by_.erase(node);
  }
  // Our clock was set back and says `now`: no proof is of later.
  void set_back(WallTime now);

  // Where the node's acknowledgements go; null: directly.
  [[nodiscard]] const RelayedBy* way_of(NodeId node) const;
  // By whom the node is known to live at present; null: nobody.
  [[nodiscard]] const RelayedBy* proof_of(NodeId node, WallTime now) const;
  [[nodiscard]] std::uint64_t count(WallTime now) const;  // of those with a proof
  [[nodiscard]] const RelayCounters& counters() const { return counters_; }

 private:
  struct Way {
    RelayedBy by;
    WallTime window_end = WallTime::min();  // of the newest
  };
  [[nodiscard]] bool is_fresh(const Way& way, WallTime now) const;

  Duration fresh_for_;
  std::map<NodeId, Way> ways_;
  std::optional<stats::TokenBucket> tokens_;
  std::map<NodeId, stats::TokenBucket> brought_by_;  // of each that ever helped
  RelayCounters counters_;
};

}  // namespace faultline::core
