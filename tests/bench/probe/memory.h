// What 16,000 flows and as many reflected sessions keep in memory. A plan may have 4,096
// (kPlanFlowsMax), so this drives the engine's parts themselves, on virtual time: its sockets and
// scratch, the sender, the reflector, everything but the packets' way through the kernel.
#pragma once

#include <cstdint>

#include "tests/bench/probe/world.h"

namespace faultline::bench {

// Prints what is resident, before and after.
void run_memory(const Shape& shape, std::uint32_t sessions);

}  // namespace faultline::bench
