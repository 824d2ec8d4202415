// Congestion or corruption: whether a component's losses are those of a full queue.
//
// Why it exists: a busy link that drops one packet in two thousand looks like a dirty optic to
// anything that counts losses only, but the answer to it is another one. Corruption loses packets
// and delays none (CorrOpt, SIGCOMM 2017); a queue that overflows delays what it does not drop.
//
// The measure is the excess spread, p95 - p50 over the baseline, in the middle of the flows that
// cross the component and nothing else that is known to queue. Components scatter: what is not
// beyond kSpreadSigmas of that scatter is no congestion. Nor is less than what the losses demand: a
// queue with an exponential tail that is full for a share q of the packets, and not empty for a
// share kBusyShare, is over its p95 at B log(kBusyShare / .05) / log(kBusyShare / q), B the depth
// of the buffer, at least kBufferMinUs. So a link that loses 1 % needs 53 us, and one that loses
// more than kBusyShare is no congested link, whatever its delays.
//
// Thread safety: pure. Units: microseconds.
#pragma once

#include <optional>
#include <vector>

#include "controller/localize/components.h"
#include "controller/localize/delay_search.h"

namespace faultline::localize {

inline constexpr double kSpreadSigmas = 6;
inline constexpr double kSpreadMinUs = 10;
inline constexpr double kBusyShare = 0.3;
inline constexpr double kBufferMinUs = 100;

// Congestion is load, not a fault. It becomes a suspect, and may page, when it loses at least this
// share of the packets; below, it is only listed (Verdict::congested), however long the queue.
inline constexpr double kCongestionLossMin = 3e-3;

// The excess spread that congestion with this loss shows at least.
[[nodiscard]] double spread_needed(double loss);

struct Spreads {
  double scatter = 0;                         // robust standard deviation over directed links
  std::vector<std::optional<double>> excess;  // by footprint; empty when no flow measured it
};

// `footprints` are sorted lists of links. `queues` are components that are known to queue.
[[nodiscard]] Spreads measure_spreads(const ObservationSet& set, const DelayFlows& flows,
                                      const DelayFit& spread, const ComponentTable& components,
                                      const SlowSearch& queues,
                                      const std::vector<std::vector<std::uint32_t>>& footprints);

[[nodiscard]] bool is_congestion(const Spreads& spreads, std::size_t footprint, double loss);

}  // namespace faultline::localize
