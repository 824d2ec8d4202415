// LoadOptions: what a simulated fleet is like, and what goes wrong in it.
#pragma once

#include <cstdint>

#include "common/base/time.h"
#include "tests/support/fleet_reports.h"

namespace faultline::load {

inline constexpr std::uint32_t kProbesMax = 4096;      // what one controller takes
inline constexpr std::uint32_t kWindowsMax = 100'000;  // per probe

// Shares are of batches, 0 to 1.
struct Faults {
  double duplicate = 0;  // sent twice
  double reorder = 0;    // sent after the next one
  double lose = 0;       // taken, but never on the wire: sent again when it is not acknowledged
  double late = 0;       // the window is told of only after three later ones
  double link_loss = 0;  // of packets on the one faulty link
  Duration reconnect_every{};  // some probe's connection is cut and made anew; 0: never
};

enum class Pace : std::uint8_t {
  kBacklog,  // all windows are in the past: they are sent as fast as they are acknowledged
  kLive,     // a window is told of once it has ended, as probes do
};

struct LoadOptions {
  tests::FleetShape shape{.nodes = 200, .targets_per_node = 32, .flows_per_target = 16};
  std::uint32_t windows = 30;  // of each probe
  Pace pace = Pace::kBacklog;
  std::uint32_t in_flight = 4;  // batches of a probe without acknowledgement; bounds the memory
  std::uint32_t paths_per_report = 10;
  Faults faults{};
  std::uint64_t seed = 1;

  [[nodiscard]] std::uint32_t flows_per_report() const {
    return shape.targets_per_node * shape.flows_per_target;
  }
};

}  // namespace faultline::load
