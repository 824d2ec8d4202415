// Sickness: how little a prober's window means, and why, by what it says of itself.
//
// Why it exists: a host that loses its own packets, or a hypervisor that runs somebody else, looks
// like a network at fault. Whoever judges windows (localizer, detector, diagnosis) weighs them
// alike and tells operators the same words. Pure.
#pragma once

#include <string>

#include "common/model/report.h"

namespace faultline::core {

struct Sickness {
  double share = 0;   // 0: well, to 1: its measurements mean nothing
  std::string why{};  // of the gravest, empty where it is well

  bool operator==(const Sickness&) const = default;
};

[[nodiscard]] Sickness sickness(const Report& report);

// What is wrong with the clock by which the window was cut; empty: nothing that is known. It makes
// no loss and no round trip wrong, only one-way delays, and what is when.
[[nodiscard]] std::string clock_trouble(const ProberHealth& health);
// Whether it was set or found to be off, which the machine's configuration does not tell.
[[nodiscard]] bool is_clock_wrong(const ProberHealth& health);

}  // namespace faultline::core
