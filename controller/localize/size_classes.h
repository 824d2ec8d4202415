// Size classes: whether a component loses only its large packets, and which size still passes.
//
// A path whose MTU is smaller than its ends believe swallows packets from some size on and lets all
// others through. Every boundary between two sizes that were sent is a model of its own (smaller
// ones lose only what the rest of the network explains, larger ones at some rate) and competes by
// Bayes factor with one rate for all sizes. A flow counts once, lossy or not: losses come in
// bursts.
//
// Thread safety: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace faultline::localize {

struct SizedFlow {
  std::uint32_t size = 0;
  double units = 1;      // packets, or 1 when whole flows die
  double elsewhere = 0;  // expected losses, in units, by everything but the component
  bool bad = false;
};

struct SizeLimit {
  std::uint32_t passes = 0;  // the largest size that does
  std::uint32_t fails = 0;   // the next one
  std::uint64_t large_flows = 0;
  std::uint64_t large_bad_flows = 0;
  double log_odds = 0;  // against one rate for all sizes
};

// Empty unless a limit is clearly the better explanation. Flows without a size must be left out.
[[nodiscard]] std::optional<SizeLimit> find_size_limit(const std::vector<SizedFlow>& flows);

}  // namespace faultline::localize
