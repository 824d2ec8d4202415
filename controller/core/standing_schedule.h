// StandingSchedule: which pair of a standing test has its turn.
//
// Why it exists: what the configuration asks for may be more than a fleet, or the machine that all
// of it is aimed at, should bear. So that the limits are here, in one place, whatever is
// configured:
//
//   - the pairs of a test are spread evenly over its period, from a start that chance chooses, and
//     keep their place in it
//   - no pair has two tests under way, no node more than one that it carries out, no target more
//     than `per_target_max`, and the fleet no more than `under_way_max`, of which no more than
//     `tracing_max` make routers answer
//   - in any second the fleet begins at most `per_second_max`, and at any target one
//   - a node that is needed for something else begins none (hold())
//   - who waits longest goes first; turns that were missed meanwhile are counted, not made up for
//
// Pure. Thread safety: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/base/time.h"
#include "controller/core/standing_test.h"

namespace faultline::core {

struct StandingLimits {
  std::size_t under_way_max = 16;
  std::size_t per_target_max = 2;
  std::size_t per_second_max = 4;
  std::size_t tracing_max = 2;  // of traces and MTU tests
};

class StandingSchedule {
 public:
  // `tracing`: the tests that make routers answer.
  explicit StandingSchedule(StandingLimits limits = {}, std::set<std::uint32_t> tracing = {})
      : limits_(limits), tracing_(std::move(tracing)) {}

  // The pairs of this test from now on. Those that stay keep their turn; a new one's is within the
  // next period.
  void set_pairs(std::uint32_t test, const std::vector<StandingPair>& pairs, Duration every,
                 Instant now, Rng& rng);

  // From now on these nodes begin none: their turns wait.
  void hold(std::set<NodeId> nodes) { held_ = std::move(nodes); }

  // Of whom it says that both ends are there; else the turn is skipped.
  using Presence = std::function<bool(const StandingPair&)>;
  // The next one to begin now; it is under way until ended(). Empty: none is due, or a limit is
  // reached. `now` never goes back.
  [[nodiscard]] std::optional<StandingPair> take(Instant now, const Presence& is_there);
  void ended(const StandingPair& pair) { under_way_.erase(pair); }

  [[nodiscard]] std::size_t under_way() const { return under_way_.size(); }
  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }
  [[nodiscard]] std::uint64_t missed() const { return missed_; }

 private:
  struct Place {
    Instant due{};
    Duration every{};
  };
  using Target = std::pair<NodeId, IpAddress>;

  [[nodiscard]] bool may_begin(const StandingPair& pair) const;
  void next_turn(const StandingPair& pair, Instant now);
  void forget_starts(Instant now);

  StandingLimits limits_;
  std::set<std::uint32_t> tracing_;
  std::set<NodeId> held_;
  std::map<StandingPair, Place> places_;
  std::set<std::pair<Instant, StandingPair>> turns_;  // of all of them
  std::set<StandingPair> under_way_;
  std::deque<std::pair<Instant, Target>> starts_;  // of the last second
  std::map<std::uint32_t, double> spread_;         // by test: where in the period the last one went
  std::uint64_t skipped_ = 0;
  std::uint64_t missed_ = 0;
};

}  // namespace faultline::core
