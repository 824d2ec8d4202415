// What of the machine bears on measurements: what its kernel's counters grew by in a window.
//
// Why it exists: packets that a full backlog dropped, a CPU limit that holds the probe back, a
// hypervisor that runs somebody else and a clock that was set all look like the network's doing
// from afar. Each window says what there was of it, so that nobody has to guess.
//
// Pure. The kernel's counters only grow, until the machine starts again. Thread safety: none
// needed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/model/report.h"

namespace faultline::session {

// Since the machine, or the control group, began; empty where the kernel does not tell.
struct MachineCounters {
  std::optional<std::uint64_t> softnet_drops{};
  std::optional<std::uint64_t> throttled_ns{};
  std::optional<std::uint64_t> stolen_ns{};
  std::optional<std::uint64_t> processor_ns{};  // of all processors, stolen_ns included
  ClockSync clock = ClockSync::kUnknown;
};

// /proc/net/softnet_stat: the second column, hexadecimal, of all processors. Nothing when it has
// another form.
[[nodiscard]] std::optional<std::uint64_t> softnet_drops(std::string_view softnet_stat);

// Adds to `health` what grew from `before` to `after`; a counter that fell began anew.
void note_growth(const MachineCounters& before, const MachineCounters& after, ProberHealth& health);

}  // namespace faultline::session
