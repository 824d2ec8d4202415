// Delivery: which spooled batches are on their way, and when they are sent again.
//
// Batches go in two lanes, oldest first in each, at most as many unacknowledged as the controller's
// credit allows. What was appended since the last welcome is live and goes first; what was there
// before is the backlog and has what credit is left, of several always one, of one every other. So
// an outage delays none of the windows that come after it, and is made up for beside them. Two
// lanes leave one hole among a boot's numbers until the backlog is through, and each welcome until
// then may leave one more. The controller knows kSequenceIntervalsMax intervals: before they are
// used up (kIntervalsToDivide) a welcome leaves the lanes divided where they are.
//
// After a new welcome, and when the oldest on its way is not acknowledged in time, everything that
// the spool still holds is sent again from the start of each lane: the controller knows duplicates,
// and the spool forgets only what is acknowledged. An acknowledgement with a credit of 0 says that
// the controller had no room for some of them: they are sent again at once, but one at a time until
// the next acknowledgement. One that acknowledges nothing is no reason to: two that do not
// understand each other would send for ever.
//
// Where they go is the caller's business: to the controller, or to a peer that passes them on
// (detour.h). A way that takes one batch at a time is one of several that are tried in turn: the
// lanes take turns across them, or one live batch that gets nowhere would hold up the backlog.
//
// Pure. Thread safety: none.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "probe/core/effects.h"
#include "probe/core/events.h"

namespace faultline::probe_core {

inline constexpr std::uint32_t kCreditInitial = 4;  // before the first acknowledgement
inline constexpr std::size_t kFetchBatchesMax = 8;  // read from disk at once; bounds the memory
inline constexpr std::size_t kAsCredited = std::numeric_limits<std::size_t>::max();
inline constexpr Duration kResendAfter = std::chrono::seconds{10};
// Until a read that the spool's queue refused is asked for again.
inline constexpr Duration kRefusedReadWait = std::chrono::seconds{1};
// While the controller knows this boot's numbers by more intervals, they are not divided anew.
inline constexpr std::size_t kIntervalsToDivide = kSequenceIntervalsMax / 2;

struct DeliveryCounters {
  std::uint64_t batches_sent = 0;  // repeats included
  std::uint64_t rewinds = 0;       // (*) times that everything unacknowledged was sent again
  std::uint64_t acks = 0;

  bool operator==(const DeliveryCounters&) const = default;
};

// What a way bears.
struct Pace {
  std::size_t in_flight_max = kAsCredited;
  Duration spacing{};  // between one reading of the spool and the next
};

class Delivery {
 public:
  // Takes a batch on its way. False: it cannot.
  using Outlet = std::function<bool(const Batch&)>;

  explicit Delivery(BootId boot) : boot_(boot) {}

  // There is a way: begin with what is appended from now on, and with the oldest.
  void restart(Now now, EffectSink& effects, const Pace& pace = {});
  // There is none: nothing is on its way any more.
  void suspend();
  // The way stays, but took nothing of what is on it: all of it is sent again after this.
  void postpone(Now now, Duration wait);
  // A batch was appended, with this number of this boot; 0: none was given.
  void appended(Now now, std::uint64_t sequence, EffectSink& effects);
  // Sends what was read. False: the outlet took not all of it.
  [[nodiscard]] bool fetched(Now now, const SpoolFetched& read, const Outlet& outlet,
                             EffectSink& effects);
  // True: it is news of something that was on its way, and so was said just now.
  bool acknowledged(Now now, const BatchAck& ack, EffectSink& effects);
  void tick(Now now, EffectSink& effects);

  // Nothing waits to be read, sent or acknowledged, as far as is known.
  [[nodiscard]] bool idle() const {
    return !fetching_ && !lane(Lane::kLive).more && !lane(Lane::kBacklog).more &&
           in_flight_.empty();
  }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }
  [[nodiscard]] const DeliveryCounters& counters() const { return counters_; }

 private:
  struct LaneState {
    bool from_start = true;
    bool more = true;  // the spool may hold batches of it that were not fetched
  };
  struct Fetching {
    Lane lane;
    bool from_start;
  };
  struct InFlight {
    Lane lane;
    BootId boot;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    Instant sent_at{};
  };

  void divide_lanes();
  void pump(Now now, EffectSink& effects);
  // What to fetch next, if there is anything: at most `allowed` may be on their way.
  struct Turn {
    Lane lane;
    std::size_t batches_max;
  };
  [[nodiscard]] std::optional<Turn> next_turn(std::size_t allowed) const;
  [[nodiscard]] bool send(Now now, Lane lane, const Batch& batch, const Outlet& outlet);
  void rewind();
  [[nodiscard]] LaneState& lane(Lane lane) { return lanes_[static_cast<std::size_t>(lane)]; }
  [[nodiscard]] const LaneState& lane(Lane lane) const {
    return lanes_[static_cast<std::size_t>(lane)];
  }

  const BootId boot_;
  bool active_ = false;
  Pace pace_;
  Instant not_before_{};              // nothing is read until then
  std::optional<Fetching> fetching_;  // an answer of the spool is due
  bool stale_ = false;                // and is to be thrown away: the position changed meanwhile
  std::array<LaneState, 2> lanes_;
  Lane last_fetched_ = Lane::kBacklog;
  std::uint64_t newest_ = 0;    // of this boot, as far as is known
  std::uint64_t boundary_ = 0;  // what was the newest when the lanes were divided
  // Of this boot, in the newest acknowledgement, and one more for each division since.
  std::size_t intervals_ = 0;
  std::uint32_t credit_ = kCreditInitial;
  std::deque<InFlight> in_flight_;  // at most credit_ and the pace's; in the order of sending
  DeliveryCounters counters_;
};

}  // namespace faultline::probe_core
