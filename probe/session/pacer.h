// Pacer: when each flow sends next, under budgets of packets per second: the node's, and one for
// each group of destinations.
//
// One packet per flow and interval. The flows' turns are spread evenly over the interval in random
// order, and each packet is moved at random within kJitter of the interval, so that a fleet does
// not pulse. After a stall each flow sends the one packet that is overdue, within the budget; the
// turns it missed are skipped, not made up for.
//
// Where the interval leaves time for it, turns wait for their lane: the flows of a lane have turns
// every so many ticks only, all at once, and the lanes take turns. Flows of one source port are of
// one lane, so that a tick's packets leave by few sockets: each costs its system calls. A turn
// waits no longer than kLaneWait, and is not late for it.
//
// A flow whose group has nothing left books the group's next free moment, behind those that booked
// before it, and does not hold up the flows of other groups. So each turn is put off once and
// looked at once more, however many wait. What is used up stays so across changes of plan, a
// group's with its number: where a plan numbers them anew, a group may have another one's burst.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/base/time.h"
#include "common/stats/token_bucket.h"
#include "probe/session/destinations.h"

namespace faultline::session {

inline constexpr double kJitter = 0.2;    // width, as a share of the interval
inline constexpr double kLaneWait = 0.4;  // at most, as a share of the interval
inline constexpr Duration kLaneTick = std::chrono::milliseconds{10};  // the engine's
inline constexpr double kBurstSeconds = 0.02;  // of the budget may go out at once

class Pacer {
 public:
  // Sends nothing until configured.
  Pacer() = default;

  // A flow that keeps its pace across a change of plan, or a new one.
  struct FlowPace {
    std::optional<Instant> slot;            // from slot_of(); empty for a new flow
    std::optional<GroupNumber> group = {};  // below Budgets::groups; empty: the node's only
    std::uint16_t lane = 0;
  };
  struct Budgets {
    double packets_per_second = 0;
    double packets_per_second_per_group = 0;  // positive where there are groups
    std::size_t groups = 0;
  };
  void configure(const std::vector<FlowPace>& flows, Duration interval, const Budgets& budgets,
                 Instant now, Rng& rng);
  // Until `end` each flow has so many turns in an interval; `times` is as long as the flows. The
  // next configure() ends it.
  void boost(std::vector<std::uint16_t> times, Instant end, Instant now, Rng& rng);
  void stop();
  [[nodiscard]] Instant slot_of(std::uint32_t flow) const { return slots_[flow]; }

  // The next flow whose turn has come, if there is budget for it.
  [[nodiscard]] std::optional<std::uint32_t> take(Instant now, Rng& rng);
  // One packet's worth of the same budgets, for packets that are not of a flow.
  [[nodiscard]] bool take_budget(std::optional<GroupNumber> group, Instant now);
  // When take() may have something; Instant::max() when never.
  [[nodiscard]] Instant next_due(Instant now);
  // Turns put off for want of budget, since the last call.
  [[nodiscard]] std::uint32_t take_deferred() { return std::exchange(deferred_, 0); }
  // The longest that a turn was overdue for another reason, since the last call.
  [[nodiscard]] Duration take_lateness() { return std::exchange(lateness_, Duration::zero()); }

 private:
  struct Entry {
    Instant due{};
    std::uint32_t flow = 0;
    bool deferred = false;
    bool booked = false;  // with its group
  };
  struct Group {
    stats::TokenBucket budget;
    Instant booked_until{};
  };
  void set_budgets(const Budgets& budgets, Instant now);
  void push(Entry entry);
  void defer(Entry& turn);
  [[nodiscard]] bool book(Instant now);
  [[nodiscard]] Duration interval_of(std::uint32_t flow, Instant now) const;
  void open_lanes(const std::vector<FlowPace>& flows, const Budgets& budgets, Instant now,
                  Rng& rng);
  // The instant at which a flow's turn at `slot` comes, `interval` after the one before.
  [[nodiscard]] Instant due_of(std::uint32_t flow, Instant slot, Duration interval, Rng& rng) const;

  Duration interval_{};
  std::optional<stats::TokenBucket> budget_;  // from the first configure() on
  std::vector<Group> groups_;
  Duration group_spacing_{};  // in which a group has budget for one packet
  std::vector<std::optional<GroupNumber>> flow_groups_;  // by flow
  std::vector<std::uint16_t> flow_lanes_;                // by flow; empty: turns wait for none
  std::uint16_t lanes_ = 0;
  Instant lane_origin_{};             // of the first lane's turns
  std::vector<Instant> slots_;        // by flow: its present turn, before jitter
  std::vector<Entry> heap_;           // earliest first
  std::vector<std::uint16_t> times_;  // by flow; empty: no boost
  Instant boost_end_{};
  // When the node's budget was last used up: what was due by then waits for it.
  Instant held_at_ = Instant::min();
  std::uint32_t deferred_ = 0;
  Duration lateness_{};
};

}  // namespace faultline::session
