// The list `tests` of the configuration: standing tests.
#pragma once

#include <cstdint>

#include "common/config/document.h"
#include "controller/core/standing_tests.h"

namespace faultline::app {

// `router_rate_max`: what ICMP all nodes may make a router send, per second. Standing traces get
// a fifth of it on top, whatever number of them is configured.
void read_tests(config::Section& root, std::uint32_t router_rate_max,
                core::StandingOptions& options);

}  // namespace faultline::app
