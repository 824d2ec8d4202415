// Delivery: which spooled batches are on their way, and when they are sent again.
//
// Batches go out oldest first, at most as many unacknowledged as the controller's credit allows.
// After a new welcome, and when the oldest on its way is not acknowledged in time, everything that
// the spool still holds is sent again from the oldest on: the controller knows duplicates, and the
// spool forgets only what is acknowledged. An acknowledgement with a credit of 0 says that the
// controller had no room for some of them: they are sent again at once, but one at a time until the
// next acknowledgement. One that acknowledges nothing is no reason to: two that do not understand
// each other would send for ever.
//
// Where they go is the caller's business: to the controller, or to a peer that passes them on
// (detour.h).
//
// Pure. Thread safety: none.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <vector>

#include "probe/core/effects.h"
#include "probe/core/events.h"

namespace faultline::probe_core {

inline constexpr std::uint32_t kCreditInitial = 4;  // before the first acknowledgement
inline constexpr std::size_t kFetchBatchesMax = 8;  // read from disk at once; bounds the memory
inline constexpr std::size_t kAsCredited = std::numeric_limits<std::size_t>::max();
inline constexpr Duration kResendAfter = std::chrono::seconds{10};

struct DeliveryCounters {
  std::uint64_t batches_sent = 0;  // repeats included
  std::uint64_t rewinds = 0;       // (*) times that everything unacknowledged was sent again
  std::uint64_t acks = 0;

  bool operator==(const DeliveryCounters&) const = default;
};

class Delivery {
 public:
  // Takes a batch on its way. False: it cannot.
  using Outlet = std::function<bool(const Batch&)>;

  // There is a way, which takes at most so many at a time: begin with the oldest.
  void restart(EffectSink& effects, std::size_t in_flight_max = kAsCredited);
  // There is none: nothing is on its way any more.
  void suspend();
  // A batch was appended.
  void appended(EffectSink& effects);
  // Sends what was read. False: the outlet took not all of it.
  [[nodiscard]] bool fetched(Now now, const std::vector<Batch>& batches, const Outlet& outlet,
                             EffectSink& effects);
  // True: it is news of something that was on its way, and so was said just now.
  bool acknowledged(const BatchAck& ack, EffectSink& effects);
  void tick(Now now, EffectSink& effects);

  // Nothing waits to be read, sent or acknowledged, as far as is known.
  [[nodiscard]] bool idle() const { return !fetching_ && !more_ && in_flight_.empty(); }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }
  [[nodiscard]] const DeliveryCounters& counters() const { return counters_; }

 private:
  struct InFlight {
    BootId boot;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    Instant sent_at{};
  };

  void pump(EffectSink& effects);
  void rewind();

  bool active_ = false;
  bool fetching_ = false;  // an answer of the spool is due
  bool stale_ = false;     // and is to be thrown away: the position changed meanwhile
  bool from_oldest_ = true;
  bool more_ = true;  // the spool may hold batches that were not fetched
  std::uint32_t credit_ = kCreditInitial;
  std::size_t in_flight_max_ = 0;
  std::deque<InFlight> in_flight_;  // at most credit_ and in_flight_max_; in the order of sending
  DeliveryCounters counters_;
};

}  // namespace faultline::probe_core
