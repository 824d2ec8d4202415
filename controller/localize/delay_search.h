// DelaySearch: the fewest components that explain which flows are slow.
//
// A flow is slow when its residual (delay_fit.h) is beyond both kSlowMinUs and kSlowSigmas standard
// deviations. A component that adds delay makes a share h of the flows that cross it slow, others
// are slow by chance with a small rate e: over k slow ones of n its log Bayes factor, h uniform on
// [0, 1], is log B(k + 1, n - k + 1) - k log e - (n - k) log(1 - e). The greatest is chosen, what
// it explains is taken out, and so on: excess as a sparse, nonnegative sum. Cost follows the slow
// flows; all others are counted once.
//
// Thread safety: pure, deterministic. Units: microseconds.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "controller/localize/components.h"
#include "controller/localize/delay_fit.h"

namespace faultline::localize {

// Less than this is nobody's fault, whatever the statistics say.
inline constexpr double kSlowMinUs = 50;
inline constexpr double kSlowSigmas = 6;
// A component of which fewer of the crossing flows are slow is not named: of a link, for a link may
// be a bundle of which one member is slow, and of cables, devices and hosts, which else would stand
// for a few of their links.
inline constexpr double kSlowShareMin = 0.2;
inline constexpr double kSlowShareOfManyMin = 0.6;
inline constexpr std::size_t kSlowComponentsMax = 256;

struct SlowComponent {
  std::uint32_t component = 0;
  double excess_us = 0;  // the median of what the slow flows that cross it show
  double total = 0;      // log Bayes factor plus log prior odds
  std::uint64_t slow_crossing = 0;
  std::uint64_t crossing = 0;
  // Of its slow flows, the share that has a peer: a flow between the same edges that is not slow.
  double peers = 0;
  // What else would explain its flows, best first, with log odds against it.
  std::vector<std::pair<std::uint32_t, double>> rivals;
};

struct SlowSearch {
  std::vector<SlowComponent> found;  // strongest first
  double threshold_us = 0;
  std::uint64_t flows = 0;  // with a residual
  std::uint64_t slow_flows = 0;
};

[[nodiscard]] SlowSearch find_slow(const ObservationSet& set, const DelayFlows& flows,
                                   const DelayFit& fit, const ComponentTable& components);

// The component's links, sorted.
[[nodiscard]] bool crosses(const ObservationSet& set, const DelayFlow& flow,
                           std::span<const std::uint32_t> links);

}  // namespace faultline::localize
