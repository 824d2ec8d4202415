// FactsSchedule: when the node's own network configuration is collected and sent.
//
// Why it exists: collecting costs processor time and is of no use without a controller that takes
// it. One collection is under way at most; the next one begins when the pause that the last one
// asked for is over.
//
// Thread safety: none; owned by ProbeCore.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/random.h"
#include "probe/core/effects.h"
#include "probe/core/events.h"
#include "probe/core/uplink.h"

namespace faultline::probe_core {

// After a welcome, so that a fleet that starts together first gets its plans, and not all at once.
inline constexpr Duration kFactsDelayMin = std::chrono::seconds{3};
inline constexpr Duration kFactsDelayMax = std::chrono::seconds{15};
// A collection that has not come back is given up: the worker hangs, or its queue was full.
inline constexpr Duration kFactsPatience = std::chrono::minutes{5};
// Between collections that the controller asks for, whoever asks it how often. One that was due
// anyhow delays none of them: somebody waits.
inline constexpr Duration kFactsHurryMin = std::chrono::seconds{2};

struct FactsCounters {
  std::uint64_t collected = 0;
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;     // (*) given up, or not taken by the link
  std::uint64_t hurried = 0;  // asked for by the controller

  bool operator==(const FactsCounters&) const = default;
};

class FactsSchedule {
 public:
  explicit FactsSchedule(Rng& rng) : rng_(rng) {}

  void tick(Now now, const Uplink& uplink, EffectSink& effects);
  void collected(Now now, FactsCollected event, const Uplink& uplink, EffectSink& effects);

  // The controller asks for them just now.
  void hurry(Now now);

  [[nodiscard]] const FactsCounters& counters() const { return counters_; }

 private:
  Rng& rng_;
  std::optional<Instant> due_;  // empty: no controller that takes facts
  std::optional<Instant> collecting_since_;
  std::optional<Instant> hurried_at_;  // the last collection that was asked for began
  bool hurry_ = false;                 // the next one is asked for
  FactsCounters counters_;
};

}  // namespace faultline::probe_core
