// Witnesses: whose configuration, beside that of both ends, a diagnosis needs as it is just now.
//
// Why it exists: an address held twice, a host that filters for its virtual machine, the other end
// of a tunnel: these are told by third parties, and what they said ten minutes ago may be of before
// the trouble. Thread safety: pure.
#pragma once

#include <string>
#include <vector>

#include "controller/diagnose/inputs.h"

namespace faultline::diagnose {

inline constexpr std::size_t kWitnessesMax = 32;  // asked for one diagnosis

// By what is known so far: the hosts of ends that are virtual machines, the other ends of their
// tunnels, then who shares a network with an end. The likeliest first, without the ends.
[[nodiscard]] std::vector<std::string> witnesses(const Inputs& inputs);

}  // namespace faultline::diagnose
